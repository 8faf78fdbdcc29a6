// Receives notifications: javac Jubao.java Notify.java && PORT=8000 java Notify

import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

final class Notify {
    public static void main(String[] args) throws Exception {
        int port = Integer.parseInt(System.getenv("PORT"));
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.createContext("/", exchange -> {
            String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            byte[] answer = (isPaid(body) ? "success" : "fail").getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
        });
        server.start();
    }

    private static boolean isPaid(String body) {
        try {
            Map<String, String> params = body.startsWith("{") ? Jubao.read(body) : form(body);
            if (!Jubao.isSigned(params)) {
                return false;
            }
            // In one transaction of yours: find the order, compare total_fee, mark it paid if it is not.
            System.out.println("paid " + params.get("out_trade_no") + " " + params.get("total_fee"));
            return true;
        } catch (Exception unreadable) {
            return false;
        }
    }

    private static Map<String, String> form(String body) {
        Map<String, String> params = new HashMap<>();
        for (String pair : body.split("&")) {
            String[] parts = pair.split("=", 2);
            params.put(parts[0], URLDecoder.decode(parts[1], StandardCharsets.UTF_8));
        }
        return params;
    }
}
