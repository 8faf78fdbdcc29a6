// The client that the other samples use: signs, sends, verifies. Java 11 or later, nothing else.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

final class Jubao {
    private static final HttpClient CLIENT = HttpClient.newHttpClient();
    private static final Pattern MEMBER =
            Pattern.compile("\"(\\w+)\"\\s*:\\s*(?:\"((?:[^\"\\\\]|\\\\.)*)\"|(-?\\d+))");
    private static final Pattern ESCAPE = Pattern.compile("\\\\(u([0-9a-fA-F]{4})|.)");

    /** MD5 over the key, name and value of every parameter but sign in the order of names, and the key. */
    static String sign(Map<String, String> params) throws Exception {
        String key = System.getenv("JUBAO_KEY");
        StringBuilder text = new StringBuilder(key);
        for (Map.Entry<String, String> entry : new TreeMap<>(params).entrySet()) {
            if (!entry.getKey().equals("sign")) {
                text.append(entry.getKey()).append(entry.getValue());
            }
        }
        byte[] bytes = text.append(key).toString().getBytes(StandardCharsets.UTF_8);
        StringBuilder hex = new StringBuilder();
        for (byte one : MessageDigest.getInstance("MD5").digest(bytes)) {
            hex.append(String.format("%02X", one));
        }
        return hex.toString();
    }

    static boolean isSigned(Map<String, String> params) throws Exception {
        return sign(params).equalsIgnoreCase(params.getOrDefault("sign", ""));
    }

    /** Calls an operation; gives back the members of code, message and data in one map, verified. */
    static Map<String, String> call(String path, Map<String, String> wishes) throws Exception {
        Map<String, String> params = new TreeMap<>(wishes);
        params.put("mch_id", System.getenv("JUBAO_MCH_ID"));
        params.put("version", "2");
        params.put("sign", sign(params));
        HttpRequest request = HttpRequest.newBuilder(URI.create(System.getenv("JUBAO_API") + path))
                .header("Content-Type", "application/json")
                .timeout(Duration.ofSeconds(15))
                .POST(HttpRequest.BodyPublishers.ofString(write(params)))
                .build();
        // No answer in time throws: repeat the same request, or query.
        String text = CLIENT.send(request, BodyHandlers.ofString()).body();
        int begin = text.indexOf("\"data\":{");
        Map<String, String> answer = new LinkedHashMap<>();
        if (begin >= 0) {
            answer = read(text.substring(begin + 7, text.lastIndexOf(",\"_trace_no\"")));
            if (!isSigned(answer)) {
                throw new SecurityException("the answer is not signed with our key");
            }
        }
        Map<String, String> envelope = read(begin >= 0 ? text.substring(0, begin) : text);
        answer.put("code", envelope.get("code"));
        answer.put("message", envelope.get("message"));
        return answer;
    }

    /** The members of a flat JSON object; any JSON library does the same. */
    static Map<String, String> read(String json) {
        Map<String, String> members = new LinkedHashMap<>();
        Matcher member = MEMBER.matcher(json);
        while (member.find()) {
            members.put(member.group(1), member.group(3) != null ? member.group(3) : plain(member.group(2)));
        }
        return members;
    }

    private static String plain(String escaped) {
        return ESCAPE.matcher(escaped).replaceAll(found -> Matcher.quoteReplacement(
                found.group(2) != null ? String.valueOf((char) Integer.parseInt(found.group(2), 16))
                : found.group(1).equals("n") ? "\n" : found.group(1).equals("t") ? "\t"
                : found.group(1).equals("r") ? "\r" : found.group(1)));
    }

    private static String write(Map<String, String> params) {
        StringBuilder json = new StringBuilder();
        for (Map.Entry<String, String> entry : params.entrySet()) {
            String text = entry.getValue().replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
            json.append(json.length() == 0 ? "{" : ",");
            json.append('"').append(entry.getKey()).append("\":\"").append(text).append('"');
        }
        return json.append('}').toString();
    }
}
