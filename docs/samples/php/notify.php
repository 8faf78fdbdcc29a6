<?php
// Receives notifications: php -S 127.0.0.1:8000 notify.php
require __DIR__ . '/jubao.php';

$params = $_POST ?: json_decode(file_get_contents('php://input'), true) ?: [];
if (!isSigned($params)) {
    exit('fail');
}
// In one transaction of yours: find the order, compare total_fee, mark it paid if it is not yet.
error_log("paid {$params['out_trade_no']} {$params['total_fee']}");
echo 'success';
