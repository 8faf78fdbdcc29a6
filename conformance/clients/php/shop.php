<?php
/**
 * A merchant's shop in PHP 8, as the document's section 1.4 makes people write it: in every way that
 * PHP's curl sends a request it places an order, queries it, hears that it is paid, and refunds a
 * part. Standard output: `placed SN` for each order, whose payer is somebody else; then one line of
 * JSON. The exit code is 1 if any check failed.
 *
 *   JUBAO_API=http://127.0.0.1:8080 NOTIFY_URL=… LISTENER_LOG=… php shop.php
 *
 * NOTIFY_URL and LISTENER_LOG are those of a listener.php with MODE=form. Optional: JUBAO_MCH_ID,
 * JUBAO_KEY (default: the document's merchant).
 */

require __DIR__ . '/sign.php';

const GOODS = '聚宝烤鸭（半只）£5 – 外带';
const TABLE = '第 1 桌';
const TOTAL = 1314;
const PART = 314;
/** No answer and no notification takes so long. */
const PATIENCE_S = 20;
/** PHP's curl goes on after a second without `100 Continue`: this one fails instead. */
const EXPECT_MS = 60_000;
const LOOK_US = 20_000;

$api = rtrim(getenv('JUBAO_API') ?: '', '/');
$key = getenv('JUBAO_KEY') ?: '685c6e3eca5c964b2b8240aa151cb75d';
$mchId = getenv('JUBAO_MCH_ID') ?: '10502105689001';
$notifyUrl = getenv('NOTIFY_URL') ?: '';
$log = getenv('LISTENER_LOG') ?: '';
if ($api === '' || $notifyUrl === '' || $log === '') {
    fwrite(STDERR, "shop.php: JUBAO_API, NOTIFY_URL and LISTENER_LOG are required\n");
    exit(2);
}

$checks = 0;
$failed = [];

function check(bool $holds, string $what): void
{
    global $checks, $failed;
    $checks++;
    if (!$holds) {
        $failed[] = $what;
    }
}

/** How a request is sent: its body, its headers, whether curl asks before it sends the body. */
final class Way
{
    public function __construct(
        public readonly string $name,
        public readonly Closure $encode,
        public readonly array $headers,
        public readonly array $more = [],
    ) {
    }

    /** POSTs as PHP's curl does; it takes gzip, and does not decode it. */
    public function post(string $url, array $params): array
    {
        $head = '';
        $curl = curl_init($url);
        curl_setopt_array($curl, [
            CURLOPT_POST => true,
            CURLOPT_POSTFIELDS => ($this->encode)($params),
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT => PATIENCE_S,
            CURLOPT_EXPECT_100_TIMEOUT_MS => EXPECT_MS,
            CURLOPT_HTTPHEADER => [...$this->headers, 'Accept-Encoding: gzip'],
            CURLOPT_HEADERFUNCTION => function ($_, $line) use (&$head) {
                $head .= strtolower($line);
                return strlen($line);
            },
        ]);
        $text = curl_exec($curl);
        if (!is_string($text)) {
            return ['head' => '', 'text' => curl_error($curl), 'json' => []];
        }
        $json = json_decode($text, true);
        return ['head' => $head, 'text' => $text, 'json' => is_array($json) ? $json : []];
    }
}

/** Signs and sends; the answer's data, whose signature is right, or an empty one. */
function call(Way $way, string $address, array $params): array
{
    global $api, $key, $mchId;
    $params += ['mch_id' => $mchId] + $way->more;
    $params['sign'] = makeSign($params, $key);
    ['head' => $head, 'text' => $text, 'json' => $json] = $way->post($api . $address, $params);
    $where = "$way->name $address";
    check(($json['code'] ?? null) === 200 && ($json['ret'] ?? null) === 0, "$where: $text");
    check(!str_contains($head, 'content-encoding'), "$where: the answer is encoded");
    check(str_contains($head, "content-type: application/json; charset=utf-8\r\n"), "$where: $head");
    $isAsked = in_array('Expect: 100-continue', $way->headers, true);
    $isTold = str_starts_with($head, "http/1.1 100 continue\r\n");
    check($isTold === $isAsked, "$where: 100 Continue if it is asked for, else not: $head");
    $data = $json['data'] ?? [];
    check(isSigned($data, $key), "$where: the answer's signature is wrong");
    return $data;
}

/** The notification of an order, as the listener wrote it down. */
function told(string $sn): array
{
    global $log;
    for ($until = microtime(true) + PATIENCE_S; microtime(true) < $until; usleep(LOOK_US)) {
        foreach (is_file($log) ? file($log) : [] as $line) {
            $heard = json_decode($line, true);
            // The line that is being written is not whole yet.
            if (($heard['members']['sn'] ?? '') === $sn) {
                return $heard;
            }
        }
    }
    return ['verified' => false, 'members' => []];
}

function place(Way $way): array
{
    global $notifyUrl;
    $order = [
        'pay_channel_id' => 102,
        'total_fee' => TOTAL,
        'out_trade_no' => 'shop' . bin2hex(random_bytes(12)),
        'body' => GOODS,
        'attach' => TABLE,
        'notify_url' => $notifyUrl,
    ];
    $data = call($way, '/index.php?_m=pay_gateway&_a=apply_pay', $order);
    foreach (['total_fee', 'out_trade_no', 'body', 'attach'] as $name) {
        check(($data[$name] ?? null) === $order[$name], "$way->name: another $name came back");
    }
    check(($data['trade_state'] ?? null) === 'NOTPAY', "$way->name: nobody has paid yet");
    return $data;
}

function checkNotice(Way $way, array $placed): void
{
    ['verified' => $isVerified, 'members' => $members] = told($placed['sn']);
    check($isVerified, "$way->name: the notification's signature is right");
    check(($members['trade_state'] ?? null) === 'SUCCESS', "$way->name: it tells the payment");
    check((int) ($members['total_fee'] ?? 0) === TOTAL, "$way->name: it tells the amount");
    foreach (['out_trade_no', 'body', 'attach'] as $name) {
        check(($members[$name] ?? null) === $placed[$name], "$way->name: it tells another $name");
    }
    check(isset($way->more['version']) === isset($members['version']), "$way->name: version");
}

function live(Way $way): array
{
    $placed = place($way);
    $sn = $placed['sn'] ?? '';
    $before = call($way, '/order/query', ['sn' => $sn]);
    check(($before['trade_state'] ?? null) === 'NOTPAY', "$way->name: the query says that it waits");
    echo "placed $sn\n";
    checkNotice($way, $placed);
    $paid = call($way, '/index.php?_m=payment&_a=query', ['out_trade_no' => $placed['out_trade_no']]);
    check(($paid['trade_state'] ?? null) === 'SUCCESS', "$way->name: the query says paid");
    $refund = ['sn' => $sn, 'out_refund_no' => "r$sn", 'refund_fee' => PART, 'refund_desc' => '少了一件'];
    $back = call($way, '/payment/refund', $refund);
    check(($back['refund_fee'] ?? null) === PART, "$way->name: another amount goes back");
    check(($back['out_refund_no'] ?? null) === "r$sn", "$way->name: another refund came back");
    check(($back['refundable'] ?? null) === TOTAL - PART, "$way->name: another amount is left");
    $found = call($way, '/order/refundquery', ['out_refund_no' => "r$sn"]);
    $status = $found['refund_status'] ?? '';
    check(in_array($status, ['PROCESSING', 'SUCCESS'], true), "$way->name: the refund is $status");
    return ['way' => $way->name, 'sn' => $sn];
}

$form = fn (array $params) => http_build_query($params);
$json = fn (array $params) => json_encode($params);
$plain = fn (array $params) => json_encode($params, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
$multipart = fn (array $params) => $params;
$comma = 'Content-Type: application/json,';
$asks = 'Expect: 100-continue';
$never = 'Expect:';
$ways = [
    new Way('form', $form, [$never]),
    new Way('form, asks first', $form, [$asks], ['version' => 2]),
    new Way('json', $json, ['Content-Type: application/json', $never], ['version' => '2']),
    new Way("json with the document's comma", $plain, [$comma, $never]),
    new Way("json with the document's comma, asks first", $json, [$comma, $asks]),
    new Way('json labelled as form', $plain, [$never], ['version' => 2]),
    new Way('multipart', $multipart, [$never]),
    new Way('multipart, asks first', $multipart, [$asks]),
];

$orders = array_map('live', $ways);
$verdict = ['ok' => $failed === [], 'checks' => $checks, 'orders' => $orders, 'failed' => $failed];
echo json_encode($verdict, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES) . "\n";
exit($failed === [] ? 0 : 1);
