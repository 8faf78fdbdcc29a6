<?php
/**
 * A merchant's judge of what it is told: each line of standard input is an answer's `data` or a
 * notification's body, and each line of standard output says how its signature was made with the key,
 * or `wrong`: `1.4` as the document's function makes it (with version 2, or widened), `1.2` over plain
 * UTF-8, `both` if they are alike.
 *
 *   JUBAO_KEY=… php verify.php
 *
 * A line of input is {"type":Content-Type,"body":hexadecimal}. What is no JSON is read as PHP fills $_POST.
 */

require __DIR__ . '/sign.php';

$key = getenv('JUBAO_KEY') ?: '685c6e3eca5c964b2b8240aa151cb75d';

function membersOf(string $type, string $body): array
{
    if (str_starts_with($type, 'application/json')) {
        return json_decode($body, true, 2, JSON_THROW_ON_ERROR);
    }
    parse_str($body, $members);
    return $members;
}

/** Section 1.2 alone says nothing of utf8_encode. */
function isSignedPlainly(array $members, string $key): bool
{
    $sign = $members['sign'] ?? '';
    unset($members['sign']);
    ksort($members);
    $text = '';
    foreach ($members as $name => $value) {
        $text .= "$name$value";
    }
    return strtoupper(md5("$key$text$key")) === $sign;
}

while (($line = fgets(STDIN)) !== false) {
    ['type' => $type, 'body' => $body] = json_decode($line, true, 2, JSON_THROW_ON_ERROR);
    $members = membersOf($type, hex2bin($body));
    $found = [isSigned($members, $key), isSignedPlainly($members, $key)];
    echo match ($found) {
        [true, true] => 'both',
        [true, false] => '1.4',
        [false, true] => '1.2',
        [false, false] => 'wrong',
    }, "\n";
}
