<?php
require __DIR__ . '/jubao.php';

$answer = call('/payment/pay', [
    'pay_channel_id' => 304,
    'total_fee' => 1314,                     // 13.14, in fen
    'out_trade_no' => getenv('OUT_TRADE_NO'), // yours: it makes repeating safe
    'notify_url' => getenv('NOTIFY_URL'),
    'body' => '明前龙井',
]);
if ($answer['code'] !== 200) {
    exit("{$answer['code']} {$answer['message']}\n");
}
echo "{$answer['data']['sn']} {$answer['data']['code_url']}\n";
