<?php
/**
 * Requests as PHP makes and signs them: random members of every type that PHP has, in every encoding
 * that deployed shops use, signed by the document's own function. One JSON object a line:
 *
 *   expect  agree: the signature is right. A code: what the request is refused with, because PHP's own
 *           spelling of a value on the wire is not the one that it signed, or several values look
 *           alike to it. `tie`: agree or 492001.
 *   why, type (the Content-Type), body, text (what was signed, before utf8_encode), sign, key
 *
 * body and text are in hexadecimal.
 *
 *   MERCHANTS='[["MCH_ID","APPID","KEY"],…]' COUNT=12000 SEED=1 php cases.php
 */

require __DIR__ . '/sign.php';

ini_set('precision', '14');
ini_set('serialize_precision', '-1');

$merchants = json_decode(getenv('MERCHANTS') ?: 'null', true);
$count = (int) (getenv('COUNT') ?: 12000);
if (!is_array($merchants) || $merchants === []) {
    fwrite(STDERR, "cases.php: MERCHANTS is not set\n");
    exit(2);
}
mt_srand((int) (getenv('SEED') ?: 1));

function any(array $list): mixed
{
    return $list[mt_rand(0, count($list) - 1)];
}

function chance(int $percent): bool
{
    return mt_rand(1, 100) <= $percent;
}

/** Letters that are spelled in one to four bytes, that JSON or forms escape, that cannot be seen. */
const LETTERS = [
    'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789',
    ' !"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~',
    '聚宝烤鸭半只外带明前龙井（）：，。「」々〇㐀',
    'éèüßñ£¥©®µ¿ÀÿŁžșĐŒ–—…€“”',
    '🦆🍵😀👩‍🍳🇨🇳𠀀𠮷𪚥𝒜',
    'ａｂｃ０１２　한국어にほんごไทยعربيहिन्दी',
    "e\u{301}\u{200b}\u{200d}\u{feff}\u{2028}\u{2029}\u{fffd}\u{ffff}\u{10ffff}\u{80}\u{85}\u{9f}\u{a0}\u{ad}",
    "\t\n\r\x01\x02\x07\x08\x0b\x0c\x1b\x1f\x7f",
];

function text(int $length): string
{
    static $sets = null;
    $sets ??= array_map(fn ($set) => mb_str_split($set), LETTERS);
    $chosen = chance(50) ? [any($sets)] : $sets;
    $text = '';
    for ($at = 0; $at < $length; $at++) {
        $text .= any(any($chosen));
    }
    return $text;
}

const TEXTS = [
    '', '', '', '0', '00', '007', '+1', '1e3', '1.0', '0x1A', 'null', 'true', ' ', ' x ', '-', '２',
    'https://shop.example/pay/notify_url.php?out_trade_no=1&total_fee=2', 'http://聚宝.com/notify',
    '{"goods":[{"name":"烤鸭","price":1314}]}', '100%', '50%25', '6+1', 'a=b&c=d', '%e8%81%9a', '%zz', '\\u8058',
];

function aFloat(): float
{
    return match (mt_rand(0, 7)) {
        // What shops do to an amount in yuan: often not quite whole.
        0, 1, 2 => (mt_rand(1, 9_999_999) / 100) * 100,
        3 => (float) mt_rand(-1000, 1_000_000),
        4 => mt_rand(1, 999_999) / 1000,
        5 => mt_rand(1, 999_999) * 10.0 ** mt_rand(-20, 25),
        // Which way PHP rounds these, only its own float can tell.
        7 => any([1998.99999999995, 1998.00000000005, 99.999999999995, 0.999999999999995, 1e14 - 0.5]),
        6 => mt_rand(1, 99_999) + 10.0 ** -mt_rand(6, 13) * mt_rand(1, 99),
    };
}

function anInteger(): int
{
    return match (mt_rand(0, 4)) {
        0 => mt_rand(0, 9),
        1 => mt_rand(0, 10_000_000),
        2 => -mt_rand(0, 1_000_000),
        3 => mt_rand(10 ** 17, 10 ** 18 - 1),
        4 => mt_rand(0, 4) === 0 ? mt_rand(10 ** 18, PHP_INT_MAX) : mt_rand(0, 2 ** 40),
    };
}

function value(): mixed
{
    $die = mt_rand(1, 100);
    return match (true) {
        $die <= 55 => text(chance(5) ? mt_rand(100, 900) : mt_rand(0, 24)),
        $die <= 70 => any(TEXTS),
        $die <= 84 => anInteger(),
        $die <= 94 => aFloat(),
        $die <= 97 => null,
        $die <= 99 => (bool) mt_rand(0, 1),
        default => any([[], [1, 2], ['a' => 'b']]),
    };
}

const NAMES = ['attach', 'body', 'detail', 'subject', 'device_info', 'client_ip', 'nonce_str', 'timestamp', 'openid',
    'total_fee', 'refund_fee', 'provider', 'out_trade_no', 'notify_url', 'x', 'x_1', '_x', 'zz', 'goods_tag', 'a1', 'a_1'];
/** No name that a request can have. */
const WRONG_NAMES = ['Body', 'A', '1a', '12', 'a-b', 'a.b', '聚宝', 'a b', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'];

/** Whether the float's spelling in JSON and the text that PHP prints are the same to a careful reader. */
function expectOfFloat(float $value, string $spelled): string
{
    $printed = (string) $value;
    if (!preg_match('/[.eE]/', $spelled)) {
        // PHP has left the fraction out: on the wire it is an integer.
        $isShort = strlen(ltrim($spelled, '-')) <= 18;
        return $spelled === $printed ? 'agree' : ($isShort ? '4004' : '492001');
    }
    if (!preg_match('/^-?\d+$/', $printed) || preg_match('/[eE]/', $spelled)) {
        return '492001';
    }
    [$whole, $fraction] = explode('.', ltrim($spelled, '-'));
    $places = 14 - ($whole === '0' ? 0 : strlen($whole));
    $next = substr(str_pad($fraction, $places + 2, '0'), $places, 2);
    return $next >= '48' && $next <= '51' ? 'tie' : 'agree';
}

/** What becomes of a value of PHP that is sent in this encoding. */
function expectOf(string $encoding, mixed $value, int $flags): string
{
    if (is_array($value)) {
        // http_build_query leaves an empty one out, and makes names with brackets of others.
        return $encoding === 'form' && $value === [] ? '4004' : '492001';
    }
    if ($encoding === 'json') {
        return match (true) {
            is_bool($value) => '492001',
            is_int($value) => strlen(ltrim((string) $value, '-')) <= 18 ? 'agree' : '492001',
            is_float($value) => expectOfFloat($value, json_encode($value, $flags)),
            default => 'agree',
        };
    }
    if ($encoding === 'form') {
        // http_build_query leaves null out, and writes false as 0; both sign as nothing.
        $sent = urldecode(substr(http_build_query(['x' => $value]), 2));
        return $value !== null && $sent === (string) $value ? 'agree' : '4004';
    }
    return 'agree';
}

/** The gravest of what becomes of the members: what is refused before signatures are looked at decides. */
function gravest(array $all): string
{
    foreach (['492001', '4004', 'tie'] as $one) {
        if (in_array($one, $all, true)) {
            return $one;
        }
    }
    return 'agree';
}

const BOUNDARY = '------------------------d74496d66958873e';

function encode(string $encoding, array $params, int $flags): string
{
    $each = function (string $form, string $end) use ($params): string {
        $parts = [];
        foreach ($params as $name => $value) {
            $parts[] = sprintf($form, $name) . $value;
        }
        return join($end, $parts);
    };
    return match ($encoding) {
        'json' => json_encode($params, $flags | JSON_THROW_ON_ERROR),
        'form' => http_build_query($params),
        'raw form' => $each('%s=', '&'),
        'multipart' => '--' . BOUNDARY . "\r\n"
            . $each("Content-Disposition: form-data; name=\"%s\"\r\n\r\n", "\r\n--" . BOUNDARY . "\r\n")
            . "\r\n--" . BOUNDARY . "--\r\n",
    };
}

const TYPES = [
    'json' => ['application/json', 'application/json,', 'application/json; charset=utf-8', 'text/plain', ''],
    'form' => ['application/x-www-form-urlencoded', 'application/x-www-form-urlencoded; charset=UTF-8', ''],
    'raw form' => ['application/x-www-form-urlencoded', 'text/plain'],
    'multipart' => ['multipart/form-data; boundary=' . BOUNDARY],
];

/** A value that a form without percent-encoding can carry: a line break at its end may be the body's own. */
function bare(mixed $value): mixed
{
    if (is_array($value)) {
        return '';
    }
    return is_string($value) ? rtrim(str_replace('&', '＆', $value), "\r\n") : $value;
}

function members(array $merchant): array
{
    [$mchId, $appid] = $merchant;
    $params = chance(50) ? ['mch_id' => chance(50) ? $mchId : (int) $mchId] : ['appid' => chance(50) ? $appid : (int) $appid];
    // An order that nobody has.
    $params['sn'] = '1120200101' . str_repeat('0', 16);
    if (chance(50)) {
        $params['version'] = any([2, 2, '2', 2.0, 1, '1', '02', '', null, '3']);
    }
    for ($more = mt_rand(0, 7); $more > 0; $more--) {
        $params[any(NAMES)] = value();
    }
    return $params;
}

/** A request of an encoding and what becomes of it: expect, why, params, body. */
function ordinary(array $merchant): array
{
    $encoding = any(['json', 'json', 'json', 'form', 'form', 'raw form', 'multipart']);
    $flags = any([0, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES, JSON_PRESERVE_ZERO_FRACTION, JSON_HEX_TAG | JSON_HEX_AMP]);
    $params = members($merchant);
    if ($encoding === 'raw form' || $encoding === 'multipart') {
        $params = array_map('bare', $params);
        // Else nothing shows that this client does not encode.
        $params['subject'] = '聚宝' . ($params['subject'] ?? '');
    }
    $all = array_map(fn ($value) => expectOf($encoding, $value, $flags), $params);
    return [gravest($all), $encoding, $encoding, $params, $flags];
}

function wrongName(array $merchant): array
{
    $encoding = any(['json', 'form', 'multipart']);
    $params = array_map('bare', members($merchant)) + [any(WRONG_NAMES) => 'x'];
    return ['492001', 'a wrong name', $encoding, $params, 0];
}

function tooMany(array $merchant): array
{
    $params = ['mch_id' => $merchant[0]];
    for ($at = 0; $at < 64; $at++) {
        $params["x$at"] = '聚';
    }
    return ['491002', 'too many members', any(['json', 'form']), $params, 0];
}

function notUtf8(array $merchant): array
{
    $gbk = mb_convert_encoding('聚宝', 'GBK', 'UTF-8');
    $bytes = any(["\xff", "\xc0\xaf", "\xe8\x81", "\xed\xa0\x80", "caf\xe9", "\xf4\x90\x80\x80", $gbk]);
    $params = ['mch_id' => $merchant[0], 'body' => $bytes];
    return ['40110', 'not UTF-8', any(['form', 'multipart', 'raw form']), $params, 0];
}

function underscored(array $merchant): array
{
    return ['40100', '_sign', any(['json', 'form']), ['mch_id' => $merchant[0], '_sign' => 'x'], 0];
}

for ($at = 0; $at < $count; $at++) {
    $merchant = any($merchants);
    $die = mt_rand(1, 1000);
    [$expect, $why, $encoding, $params, $flags] = match (true) {
        $die <= 20 => wrongName($merchant),
        $die <= 22 => tooMany($merchant),
        $die <= 35 => notUtf8($merchant),
        $die <= 40 => underscored($merchant),
        default => ordinary($merchant),
    };
    ksort($params);
    $text = '';
    foreach ($params as $name => $value) {
        // An array signs as the word Array, which PHP complains of.
        $text .= $name . @(string) $value;
    }
    $sign = @makeSign($params, $merchant[2]);
    // What cannot be signed is sent with some signature.
    $params['sign'] = $sign === false ? md5('x') : (chance(10) ? strtolower($sign) : $sign);
    if (chance(30)) {
        $params = array_reverse($params, true);
    }
    echo json_encode([
        'expect' => $expect,
        'why' => $why,
        'type' => any(TYPES[$encoding]),
        'body' => bin2hex(encode($encoding, $params, $flags)),
        'text' => bin2hex($text),
        'sign' => $params['sign'],
        'key' => $merchant[2],
    ], JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES), "\n";
}
