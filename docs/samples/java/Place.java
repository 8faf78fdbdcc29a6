// javac Jubao.java Place.java && java Place

import java.util.Map;

final class Place {
    public static void main(String[] args) throws Exception {
        Map<String, String> answer = Jubao.call("/payment/pay", Map.of(
                "pay_channel_id", "304",
                "total_fee", "1314",                              // 13.14, in fen
                "out_trade_no", System.getenv("OUT_TRADE_NO"),    // yours: it makes repeating safe
                "notify_url", System.getenv("NOTIFY_URL"),
                "body", "明前龙井"));
        System.out.println(answer.get("code").equals("200")
                ? answer.get("sn") + " " + answer.get("code_url")
                : answer.get("code") + " " + answer.get("message"));
    }
}
