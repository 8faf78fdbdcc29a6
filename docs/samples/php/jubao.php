<?php
// The client that the other samples use: signs, sends, verifies. PHP 7.2 or later with curl.

/** MD5 over the key, name and value of every parameter but sign in the order of names, and the key. */
function sign(array $params): string
{
    unset($params['sign']);
    ksort($params, SORT_STRING);
    $text = '';
    foreach ($params as $name => $value) {
        $text .= $name . $value;
    }
    $key = getenv('JUBAO_KEY');
    return strtoupper(md5($key . $text . $key));
}

function isSigned(array $params): bool
{
    return hash_equals(sign($params), strtoupper($params['sign'] ?? ''));
}

/** Calls an operation; gives back the whole answer, its data verified. */
function call(string $path, array $params): array
{
    $params += ['mch_id' => getenv('JUBAO_MCH_ID'), 'version' => 2];
    $params['sign'] = sign($params);
    $curl = curl_init(getenv('JUBAO_API') . $path);
    curl_setopt_array($curl, [
        CURLOPT_POSTFIELDS => json_encode($params),
        CURLOPT_HTTPHEADER => ['Content-Type: application/json'],
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 15,
    ]);
    $text = curl_exec($curl);
    if ($text === false) {
        throw new RuntimeException('no answer: repeat the same request, or query: ' . curl_error($curl));
    }
    $answer = json_decode($text, true);
    if (isset($answer['data']) && !isSigned($answer['data'])) {
        throw new RuntimeException('the answer is not signed with our key');
    }
    return $answer;
}
