<?php
require __DIR__ . '/jubao.php';

$answer = call('/order/query', ['out_trade_no' => getenv('OUT_TRADE_NO')]);
echo $answer['data']['trade_state'] ?? "{$answer['code']} {$answer['message']}", "\n";
