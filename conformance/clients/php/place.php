<?php
/**
 * A merchant's client in PHP 8, as the document's section 1.4 makes people write it. It places the
 * same kind of order in every way that deployed clients do, with a Chinese body, verifies each
 * answer's signature, and queries each order. Standard output is one line of JSON; the exit code is
 * 1 if any check failed.
 *
 *   JUBAO_API=http://127.0.0.1:8080 php place.php
 *
 * Optional: JUBAO_MCH_ID, JUBAO_APPID, JUBAO_KEY (default: the document's merchant), NOTIFY_URL.
 */

require __DIR__ . '/sign.php';

const BODY = '聚宝烤鸭（半只）£5 – 外带';

$api = rtrim(getenv('JUBAO_API') ?: '', '/');
$key = getenv('JUBAO_KEY') ?: '685c6e3eca5c964b2b8240aa151cb75d';
$mchId = getenv('JUBAO_MCH_ID') ?: '10502105689001';
$appid = getenv('JUBAO_APPID') ?: '1000258';
$notifyUrl = getenv('NOTIFY_URL') ?: '';
if ($api === '') {
    fwrite(STDERR, "place.php: JUBAO_API is not set\n");
    exit(2);
}

$failed = [];

function check(bool $holds, string $what): void
{
    global $failed;
    if (!$holds) {
        $failed[] = $what;
    }
}

/** POSTs as PHP's curl does; without a content type of our own it labels text as a form. */
function post(string $url, $body, ?string $type = null): array
{
    $curl = curl_init($url);
    curl_setopt_array($curl, [
        CURLOPT_POST => true,
        CURLOPT_POSTFIELDS => $body,
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 15,
        CURLOPT_HTTPHEADER => $type === null ? [] : ["Content-Type: $type"],
    ]);
    $text = curl_exec($curl);
    $answer = is_string($text) ? json_decode($text, true) : null;
    return [
        'status' => curl_getinfo($curl, CURLINFO_HTTP_CODE),
        'type' => curl_getinfo($curl, CURLINFO_CONTENT_TYPE),
        'text' => is_string($text) ? $text : curl_error($curl),
        'json' => is_array($answer) ? $answer : [],
    ];
}

/** `k=v&…` without percent-encoding, as the Java client sends it. */
function rawForm(array $params): string
{
    $pairs = [];
    foreach ($params as $name => $value) {
        $pairs[] = "$name=$value";
    }
    return join('&', $pairs);
}

const QUERY_STYLE = '/index.php?_m=pay_gateway&_a=apply_pay';
const PATH_STYLE = '/payment/pay';
const FORM = 'application/x-www-form-urlencoded';

/** Every way to send an order: name => address, encoder, content type, members of its own. */
$byNumber = ['mch_id' => $mchId, 'pay_channel_id' => 304];
$byWord = ['appid' => $appid, 'payment' => 'jubao.qrcode'];
$json = fn (array $params) => json_encode($params);
$plainJson = fn (array $params) => json_encode($params, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
$form = fn (array $params) => http_build_query($params);
$ways = [
    'form' => [QUERY_STYLE, $form, null, $byNumber],
    'form version 2' => [PATH_STYLE, $form, FORM, $byNumber + ['version' => 2]],
    'json' => [QUERY_STYLE, $json, 'application/json', $byNumber],
    'json version 2' => [PATH_STYLE, $json, 'application/json; charset=utf-8', $byWord + ['version' => 2]],
    'json version "2"' => [PATH_STYLE, $plainJson, 'application/json', $byWord + ['version' => '2']],
    'json labelled as form' => [QUERY_STYLE, $plainJson, null, $byWord],
    "json with the document's comma" => ['/?_m=pay_gateway&_a=apply_pay', $json, 'application/json,', $byNumber],
    'raw form' => [QUERY_STYLE, 'rawForm', FORM, $byNumber],
    'raw form version 2' => ['//index.php?_m=pay_gateway&_a=apply_pay', 'rawForm', null, $byNumber + ['version' => 2]],
    'multipart' => [QUERY_STYLE, fn (array $params) => $params, null, $byNumber],
];

$orders = [];
foreach ($ways as $name => [$address, $encode, $type, $own]) {
    $params = $own + [
        'total_fee' => 1314,
        'out_trade_no' => 'php' . bin2hex(random_bytes(12)),
        'body' => BODY,
        'attach' => '第 1 桌',
        'store_id' => '1000342',
    ];
    if ($notifyUrl !== '') {
        $params['notify_url'] = $notifyUrl;
    }
    $params['sign'] = makeSign($params, $key);
    $answer = post($api . $address, $encode($params), $type);
    $data = $answer['json']['data'] ?? [];
    $code = $answer['json']['code'] ?? null;

    check($answer['status'] === 200, "$name: HTTP {$answer['status']}: {$answer['text']}");
    check($answer['type'] === 'application/json; charset=utf-8', "$name: type {$answer['type']}");
    check($code === 200, "$name: code is not 200: {$answer['text']}");
    check(($answer['json']['ret'] ?? null) === 0, "$name: ret is not 0");
    check(isSigned($data, $key), "$name: the answer's signature is wrong");
    check(strpos($answer['text'], '聚宝') !== false, "$name: Chinese characters are escaped");
    check(($data['body'] ?? null) === BODY, "$name: another body came back");
    check(($data['total_fee'] ?? null) === 1314, "$name: another amount came back");
    check(($data['pay_amount'] ?? null) === 1314, "$name: another amount is charged");
    check(($data['out_trade_no'] ?? null) === $params['out_trade_no'], "$name: another number came back");
    check(preg_match('/^11\d{24}$/', $data['sn'] ?? '') === 1, "$name: no sn");
    check(($data['order_sn'] ?? null) === ($data['sn'] ?? ''), "$name: order_sn is not sn");
    check(($data['trade_state'] ?? null) === 'NOTPAY', "$name: trade_state is not NOTPAY");
    check(!empty($data['qrcode']) && !empty($data['code_url']), "$name: nothing to pay with");
    $isTwo = isset($own['version']);
    check(isset($data['version']) === $isTwo, "$name: version does not come back as it was sent");
    $orders[] = ['way' => $name, 'out_trade_no' => $params['out_trade_no'], 'sn' => $data['sn'] ?? ''];

    // ASCII text signs the same in every form: what the order was placed in decides how we are told.
    $query = ['mch_id' => $mchId, 'out_trade_no' => $params['out_trade_no']];
    $query += array_intersect_key($own, ['version' => 2]);
    $query['sign'] = makeSign($query, $key);
    $found = post("$api/index.php?_m=payment&_a=query", http_build_query($query));
    $order = $found['json']['data'] ?? [];
    check(($found['json']['code'] ?? null) === 200, "$name: the query fails: {$found['text']}");
    check(isSigned($order, $key), "$name: the query's signature is wrong");
    check(($order['sn'] ?? null) === ($data['sn'] ?? ''), "$name: the query finds another order");
}

// A client that gets the key or the text wrong must be told so, and must not get an order.
$params = ['mch_id' => $mchId, 'pay_channel_id' => 304, 'total_fee' => 1, 'body' => BODY];
$params['sign'] = makeSign($params, strrev($key));
$answer = post($api . QUERY_STYLE, http_build_query($params));
check(($answer['json']['code'] ?? null) === 4004, "wrong key: {$answer['text']}");
check(($answer['json']['ret'] ?? null) === 4004, 'wrong key: ret is not the code');
check(!isset($answer['json']['data']['sn']), 'wrong key: there is an order');

$result = ['ok' => $failed === [], 'orders' => $orders, 'failed' => $failed];
echo json_encode($result, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES), "\n";
exit($failed === [] ? 0 : 1);
