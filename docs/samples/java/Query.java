// javac Jubao.java Query.java && java Query

import java.util.Map;

final class Query {
    public static void main(String[] args) throws Exception {
        Map<String, String> answer =
                Jubao.call("/order/query", Map.of("out_trade_no", System.getenv("OUT_TRADE_NO")));
        System.out.println(answer.getOrDefault("trade_state", answer.get("message")));
    }
}
