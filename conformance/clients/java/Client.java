import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.math.BigInteger;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URL;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * A merchant's shop in Java 11, as deployed ones are: HttpURLConnection, a form whose values are not
 * percent-encoded, `Accept-Encoding: gzip` without ever decoding, section 1.2 of the document only. It
 * places an order, queries it, hears that it is paid, and refunds a part; then the same as JSON with
 * version 2. Standard output: `placed SN` for each order, whose payer is somebody else; then one line
 * of JSON. The exit code is 1 if any check failed.
 *
 * <pre>JUBAO_API=http://127.0.0.1:8080 java Client.java</pre>
 *
 * Optional: JUBAO_MCH_ID, JUBAO_KEY (default: the document's merchant).
 */
public class Client {
    static final String GOODS = "聚宝烤鸭（半只）£5 – 6+1 100% 外带";
    static final String TABLE = "第 1 桌";
    static final int TOTAL = 555;
    static final int PART = 55;
    static final int PATIENCE_MS = 20_000;

    static final String API = setting("JUBAO_API", "").replaceAll("/$", "");
    static final String MCH_ID = setting("JUBAO_MCH_ID", "10502105689001");
    static final String KEY = setting("JUBAO_KEY", "685c6e3eca5c964b2b8240aa151cb75d");

    static final LinkedBlockingQueue<Map<String, String>> HEARD = new LinkedBlockingQueue<>();
    static final List<String> FAILED = new ArrayList<>();
    static int checks = 0;

    static String setting(String name, String otherwise) {
        String value = System.getenv(name);
        return value == null || value.isEmpty() ? otherwise : value;
    }

    static void check(boolean holds, String what) {
        checks++;
        if (!holds) {
            FAILED.add(what);
        }
    }

    /** Section 1.2: names in ASCII order, name and value joined, the key before and after. */
    static String makeSign(Map<String, String> params) throws Exception {
        StringBuilder text = new StringBuilder(KEY);
        for (Map.Entry<String, String> param : new TreeMap<>(params).entrySet()) {
            if (!param.getKey().equals("sign")) {
                text.append(param.getKey()).append(param.getValue());
            }
        }
        text.append(KEY);
        MessageDigest md5 = MessageDigest.getInstance("MD5");
        byte[] digest = md5.digest(text.toString().getBytes(StandardCharsets.UTF_8));
        return String.format("%032X", new BigInteger(1, digest));
    }

    static boolean isSigned(Map<String, String> params) throws Exception {
        return makeSign(params).equals(params.get("sign"));
    }

    /** How members are sent. */
    enum Way { FORM, JSON }

    static String encode(Way way, Map<String, String> params) {
        if (way == Way.FORM) {
            return params.entrySet().stream()
                    .map(param -> param.getKey() + "=" + param.getValue())
                    .collect(Collectors.joining("&"));
        }
        return params.entrySet().stream()
                .map(param -> quoted(param.getKey()) + ":" + quoted(param.getValue()))
                .collect(Collectors.joining(",", "{", "}"));
    }

    static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + '"';
    }

    /** Signs and sends; the signed data of the answer. */
    static Map<String, String> call(Way way, String address, Map<String, String> asked) throws Exception {
        Map<String, String> params = new TreeMap<>(asked);
        params.put("mch_id", MCH_ID);
        if (way == Way.JSON) {
            params.put("version", "2");
        }
        params.put("sign", makeSign(params));
        HttpURLConnection connection = (HttpURLConnection) new URL(API + address).openConnection();
        connection.setRequestMethod("POST");
        connection.setDoOutput(true);
        connection.setConnectTimeout(PATIENCE_MS);
        connection.setReadTimeout(PATIENCE_MS);
        connection.setRequestProperty("Accept-Encoding", "gzip");
        if (way == Way.JSON) {
            connection.setRequestProperty("Content-Type", "application/json,");
        }
        try (OutputStream out = connection.getOutputStream()) {
            out.write(encode(way, params).getBytes(StandardCharsets.UTF_8));
        }
        int status = connection.getResponseCode();
        String text = read(connection.getInputStream());
        check(status == 200, address + ": HTTP " + status);
        check(connection.getContentEncoding() == null, address + ": the answer is encoded");
        Json answer = new Json(text);
        Map<String, String> envelope = answer.members();
        check("200".equals(envelope.get("code")) && "0".equals(envelope.get("ret")), address + ": " + text);
        check(isSigned(answer.inner), address + ": the answer's signature is wrong: " + text);
        return answer.inner;
    }

    static String read(InputStream in) throws IOException {
        return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }

    /** Receives notifications as a servlet would: a decoded form. */
    static void listen(HttpExchange exchange) throws IOException {
        Map<String, String> told = new TreeMap<>();
        for (String pair : read(exchange.getRequestBody()).split("&")) {
            String[] parts = pair.split("=", 2);
            told.put(decoded(parts[0]), parts.length > 1 ? decoded(parts[1]) : "");
        }
        String answer;
        try {
            answer = isSigned(told) ? "SUCCESS" : "FAIL";
        } catch (Exception cause) {
            answer = cause.toString();
        }
        byte[] bytes = answer.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(200, bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
        HEARD.add(told);
    }

    static String decoded(String text) {
        return URLDecoder.decode(text, StandardCharsets.UTF_8);
    }

    static String live(Way way, String notifyUrl) throws Exception {
        String number = "java" + UUID.randomUUID().toString().replace("-", "");
        Map<String, String> order = new TreeMap<>(Map.of(
                "pay_channel_id", "102", "total_fee", String.valueOf(TOTAL), "out_trade_no", number,
                "body", GOODS, "attach", TABLE, "notify_url", notifyUrl));
        Map<String, String> placed = call(way, "/index.php?_m=pay_gateway&_a=apply_pay", order);
        for (String name : List.of("total_fee", "out_trade_no", "body", "attach")) {
            check(order.get(name).equals(placed.get(name)), name + " came back as " + placed.get(name));
        }
        String sn = placed.getOrDefault("sn", "");
        Map<String, String> before = call(way, "/order/query", Map.of("sn", sn));
        check("NOTPAY".equals(before.get("trade_state")), way + ": nobody has paid yet");
        System.out.println("placed " + sn);
        checkNotice(way, placed);
        Map<String, String> paid = call(way, "/order/query", Map.of("out_trade_no", number));
        check("SUCCESS".equals(paid.get("trade_state")), way + ": the query says paid");
        Map<String, String> back = call(way, "/payment/refund",
                Map.of("sn", sn, "out_refund_no", "r" + sn, "refund_fee", String.valueOf(PART)));
        check(String.valueOf(PART).equals(back.get("refund_fee")), way + ": another amount goes back");
        check(String.valueOf(TOTAL - PART).equals(back.get("refundable")), way + ": another amount is left");
        Map<String, String> found = call(way, "/order/refundquery", Map.of("out_refund_no", "r" + sn));
        check(sn.equals(found.get("sn")), way + ": the refund is of another order");
        return "{\"way\":\"" + way + "\",\"sn\":\"" + sn + "\"}";
    }

    static void checkNotice(Way way, Map<String, String> placed) throws Exception {
        Map<String, String> told = HEARD.poll(PATIENCE_MS, TimeUnit.MILLISECONDS);
        check(told != null, way + ": a notification comes");
        if (told == null) {
            return;
        }
        check(isSigned(told), way + ": the notification's signature: " + told);
        check("SUCCESS".equals(told.get("trade_state")), way + ": the notification tells the payment");
        for (String name : List.of("sn", "out_trade_no", "total_fee", "body", "attach")) {
            check(placed.get(name).equals(told.get(name)), way + ": " + name + " is told as " + told.get(name));
        }
    }

    public static void main(String[] arguments) throws Exception {
        if (API.isEmpty()) {
            System.err.println("Client.java: JUBAO_API is not set");
            System.exit(2);
        }
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/notify", Client::listen);
        server.start();
        String notifyUrl = "http://127.0.0.1:" + server.getAddress().getPort() + "/notify";
        List<String> orders = new ArrayList<>();
        for (Way way : Way.values()) {
            orders.add(live(way, notifyUrl));
        }
        server.stop(0);
        String failed = FAILED.stream().map(Client::quoted).collect(Collectors.joining(",", "[", "]"));
        System.out.println("{\"ok\":" + FAILED.isEmpty() + ",\"checks\":" + checks + ",\"orders\":["
                + String.join(",", orders) + "],\"failed\":" + failed + "}");
        System.exit(FAILED.isEmpty() ? 0 : 1);
    }

    /** An answer: an object of strings and numbers, and of one such object. */
    static final class Json {
        private final String text;
        private int at = 0;
        private final Map<String, String> outer;
        Map<String, String> inner = new TreeMap<>();

        Json(String text) {
            this.text = text;
            outer = object();
        }

        Map<String, String> members() {
            return outer;
        }

        private Map<String, String> object() {
            Map<String, String> members = new TreeMap<>();
            at++;
            while (text.charAt(at) != '}') {
                at += text.charAt(at) == ',' ? 1 : 0;
                String name = string();
                at++;
                switch (text.charAt(at)) {
                    case '{': inner = object(); break;
                    case '"': members.put(name, string()); break;
                    default: members.put(name, number());
                }
            }
            at++;
            return members;
        }

        private String number() {
            int start = at;
            while (",}".indexOf(text.charAt(at)) < 0) {
                at++;
            }
            return text.substring(start, at);
        }

        private String string() {
            StringBuilder value = new StringBuilder();
            for (at++; text.charAt(at) != '"'; at++) {
                value.append(text.charAt(at) == '\\' ? escaped() : text.charAt(at));
            }
            at++;
            return value.toString();
        }

        private char escaped() {
            at++;
            switch (text.charAt(at)) {
                case 'n': return '\n';
                case 'r': return '\r';
                case 't': return '\t';
                case 'u':
                    at += 4;
                    return (char) Integer.parseInt(text.substring(at - 3, at + 1), 16);
                default: return text.charAt(at);
            }
        }
    }
}
