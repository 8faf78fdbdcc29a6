<?php
/**
 * A merchant's listener in PHP 8: verifies a notification as the document's section 1.4 shows and
 * answers `success` in lower case, as deployed shops do. Each request is one JSON line in a file.
 *
 *   LISTENER_LOG=/tmp/notices MODE=form php -S 127.0.0.1:0 listener.php
 *
 * MODE=form reads $_POST only, MODE=json reads JSON from php://input only; what the mode cannot
 * read is answered `fail`. JUBAO_KEY: default the document's merchant's. PHP says on standard error
 * which port it took.
 */

require __DIR__ . '/sign.php';

$key = getenv('JUBAO_KEY') ?: '685c6e3eca5c964b2b8240aa151cb75d';
$log = getenv('LISTENER_LOG');
$mode = getenv('MODE');
if ($log === false || !in_array($mode, ['form', 'json'], true)) {
    http_response_code(500);
    exit('LISTENER_LOG and MODE=form|json are required');
}

if ($mode === 'form') {
    $members = $_POST;
} else {
    $read = json_decode(file_get_contents('php://input'), true);
    $members = is_array($read) ? $read : [];
}
$isVerified = $members !== [] && isSigned($members, $key);
$answer = $isVerified ? 'success' : 'fail';

$line = [
    'mode' => $mode,
    'method' => $_SERVER['REQUEST_METHOD'],
    'content_type' => $_SERVER['CONTENT_TYPE'] ?? '',
    'verified' => $isVerified,
    'answer' => $answer,
    'members' => $members === [] ? new stdClass() : $members,
];
$text = json_encode($line, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES) . "\n";
file_put_contents($log, $text, FILE_APPEND | LOCK_EX);

header('Content-Type: text/plain');
echo $answer;
