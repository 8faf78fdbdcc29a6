<?php
require __DIR__ . '/jubao.php';

$answer = call('/payment/refund', [
    'out_trade_no' => getenv('OUT_TRADE_NO'),
    'out_refund_no' => getenv('OUT_TRADE_NO') . '-R1', // yours: one number is one refund
    'refund_fee' => 314,
]);
echo $answer['data']['refund_status'] ?? "{$answer['code']} {$answer['message']}", "\n";
