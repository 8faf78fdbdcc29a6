<?php
/**
 * The signature exactly as section 1.4 of the merchants' document prints it. Nothing here may be
 * improved: merchants have deployed these lines.
 */

// utf8_encode is deprecated since PHP 8.2; deployed clients go on calling it.
error_reporting(E_ALL & ~E_DEPRECATED);
ini_set('display_errors', 'stderr');

/**
 * 参数数组数据签名
 * @param array $params 参数
 * @param string $md5_key 密钥
 * @return string 签名
 */
function makeSign($params, $md5_key)
    {
        /* 不能带入这个参数 */
        if (isset($params['_sign'])) {
            /* 返回空，默认就是有问题了 */
            return false;
        }
        ksort($params);
        $temp = [];
        foreach ($params as $key => $val) {
            $temp[] = $key . $val;
        }

        if (isset($params['version']) && 2 == $params['version']) {
            $str = join('', $temp);
        } else {
            $str = utf8_encode(join('', $temp));
        }

        return strtoupper(md5($md5_key . $str . $md5_key));
    }

/** Whether the members' own `sign` is the one that the key makes over all the others. */
function isSigned(array $members, string $key): bool
{
    $sign = $members['sign'] ?? '';
    unset($members['sign']);
    return is_string($sign) && $sign !== '' && hash_equals(makeSign($members, $key), $sign);
}
