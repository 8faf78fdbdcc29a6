// javac Jubao.java Refund.java && java Refund

import java.util.Map;

final class Refund {
    public static void main(String[] args) throws Exception {
        Map<String, String> answer = Jubao.call("/payment/refund", Map.of(
                "out_trade_no", System.getenv("OUT_TRADE_NO"),
                "out_refund_no", System.getenv("OUT_TRADE_NO") + "-R1",   // yours: one number is one refund
                "refund_fee", "314"));
        System.out.println(answer.getOrDefault("refund_status", answer.get("message")));
    }
}
