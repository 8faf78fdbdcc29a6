// A merchant's shop in Go, net/http and the standard library only, written from section 1.2 of the
// document. As JSON with numbers, and as a form, it places an order, queries it, hears that it is
// paid, and refunds a part. Standard output: `placed SN` for each order, whose payer is somebody
// else; then one line of JSON. The exit code is 1 if any check failed.
//
//	JUBAO_API=http://127.0.0.1:8080 go run shop.go
//
// Optional: JUBAO_APPID, JUBAO_KEY (default: the document's merchant).
package main

import (
	"bytes"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sort"
	"strings"
	"time"
)

const (
	goods    = "聚宝烤鸭（半只）<£5> & 外带 🦆"
	table    = "第 1 桌"
	total    = 777
	part     = 77
	patience = 20 * time.Second
)

// params are strings and integers by name.
type params map[string]interface{}

func (p params) text(name string) string {
	if value, ok := p[name]; ok {
		return fmt.Sprint(value)
	}
	return ""
}

// sign is section 1.2: names in ASCII order, name and value joined, the key before and after.
func (p params) sign(key string) string {
	names := make([]string, 0, len(p))
	for name := range p {
		if name != "sign" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	text := key
	for _, name := range names {
		text += name + p.text(name)
	}
	sum := md5.Sum([]byte(text + key))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

func (p params) isSigned(key string) bool {
	return p.text("sign") == p.sign(key)
}

// way is how params are sent.
type way struct {
	name        string
	contentType string
	encode      func(params) io.Reader
	more        params
}

func asJSON(p params) io.Reader {
	// Marshal escapes <, > and &.
	body, err := json.Marshal(p)
	must(err)
	return bytes.NewReader(body)
}

func asForm(p params) io.Reader {
	values := url.Values{}
	for name := range p {
		values.Set(name, p.text(name))
	}
	return strings.NewReader(values.Encode())
}

var ways = []way{
	{"json", "application/json", asJSON, params{"version": 2}},
	{"json without version", "application/json", asJSON, params{}},
	{"form", "application/x-www-form-urlencoded", asForm, params{}},
	{"chunked json", "application/json", func(p params) io.Reader {
		// A reader of no known length is sent in chunks.
		return io.MultiReader(asJSON(p))
	}, params{"version": "2"}},
}

type shop struct {
	api, appid, key, notifyURL string
	heard                      chan params
	checks                     int
	failed                     []string
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "shop.go:", err)
		os.Exit(2)
	}
}

func (s *shop) check(holds bool, format string, values ...interface{}) {
	s.checks++
	if !holds {
		s.failed = append(s.failed, fmt.Sprintf(format, values...))
	}
}

// call signs and sends; it gives back the signed data of the answer.
func (s *shop) call(w way, address string, asked params) params {
	sent := params{"appid": s.appid}
	for _, some := range []params{w.more, asked} {
		for name, value := range some {
			sent[name] = value
		}
	}
	sent["sign"] = sent.sign(s.key)
	request, err := http.NewRequest("POST", s.api+address, w.encode(sent))
	must(err)
	request.Header.Set("Content-Type", w.contentType)
	client := http.Client{Timeout: patience}
	response, err := client.Do(request)
	must(err)
	defer response.Body.Close()
	s.check(response.StatusCode == 200, "%s %s: HTTP %d", w.name, address, response.StatusCode)
	// Go asks for gzip by itself; what it has decoded has no such header any more.
	isPlain := !response.Uncompressed && response.Header.Get("Content-Encoding") == ""
	s.check(isPlain, "%s %s: the answer is encoded", w.name, address)
	var answer struct {
		Code, Ret int
		Message   string
		Data      params
	}
	decoder := json.NewDecoder(response.Body)
	decoder.UseNumber()
	must(decoder.Decode(&answer))
	isGood := answer.Code == 200 && answer.Ret == 0
	s.check(isGood, "%s %s: %d %s", w.name, address, answer.Code, answer.Message)
	s.check(answer.Data.isSigned(s.key), "%s %s: the answer's signature is wrong", w.name, address)
	return answer.Data
}

// ServeHTTP receives notifications; what is not signed is not acknowledged.
func (s *shop) ServeHTTP(out http.ResponseWriter, request *http.Request) {
	told := params{}
	if strings.HasPrefix(request.Header.Get("Content-Type"), "application/json") {
		decoder := json.NewDecoder(request.Body)
		decoder.UseNumber()
		must(decoder.Decode(&told))
	} else {
		must(request.ParseForm())
		for name := range request.PostForm {
			told[name] = request.PostForm.Get(name)
		}
	}
	if told.isSigned(s.key) {
		fmt.Fprint(out, "Success\n")
	} else {
		fmt.Fprint(out, "FAIL")
	}
	s.heard <- told
}

func (s *shop) checkNotice(w way, placed params) {
	var told params
	select {
	case told = <-s.heard:
	case <-time.After(patience):
	}
	s.check(told.isSigned(s.key), "%s: the notification's signature: %v", w.name, told)
	s.check(told.text("trade_state") == "SUCCESS", "%s: the notification tells the payment", w.name)
	for _, name := range []string{"sn", "out_trade_no", "total_fee", "body", "attach"} {
		isSame := told.text(name) == placed.text(name)
		s.check(isSame, "%s: %s is told as %s", w.name, name, told.text(name))
	}
}

// live is one order's life.
func (s *shop) live(w way) params {
	var number [12]byte
	_, err := rand.Read(number[:])
	must(err)
	order := params{
		"payment":      "alipay.qrcode",
		"total_fee":    total,
		"out_trade_no": "go" + hex.EncodeToString(number[:]),
		"body":         goods,
		"attach":       table,
		"notify_url":   s.notifyURL,
	}
	placed := s.call(w, "/payment/pay", order)
	for _, name := range []string{"total_fee", "out_trade_no", "body", "attach"} {
		isSame := placed.text(name) == order.text(name)
		s.check(isSame, "%s: %s came back as %s", w.name, name, placed.text(name))
	}
	sn := placed.text("sn")
	before := s.call(w, "/order/query", params{"sn": sn})
	s.check(before.text("trade_state") == "NOTPAY", "%s: nobody has paid yet", w.name)
	fmt.Println("placed", sn)
	s.checkNotice(w, placed)
	paid := s.call(w, "/order/query", params{"out_trade_no": order["out_trade_no"]})
	s.check(paid.text("trade_state") == "SUCCESS", "%s: the query says paid", w.name)
	refund := params{"sn": sn, "out_refund_no": "r" + sn, "refund_fee": part}
	back := s.call(w, "/payment/refund", refund)
	s.check(back.text("refund_fee") == fmt.Sprint(part), "%s: another amount goes back", w.name)
	s.check(back.text("refundable") == fmt.Sprint(total-part), "%s: another amount is left", w.name)
	found := s.call(w, "/order/refundquery", params{"customer_refund_no": "r" + sn})
	s.check(found.text("sn") == sn, "%s: the refund is of another order", w.name)
	return params{"way": w.name, "sn": sn}
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func main() {
	s := &shop{
		api:    strings.TrimSuffix(os.Getenv("JUBAO_API"), "/"),
		appid:  setting("JUBAO_APPID", "1000258"),
		key:    setting("JUBAO_KEY", "685c6e3eca5c964b2b8240aa151cb75d"),
		heard:  make(chan params, len(ways)),
		failed: []string{},
	}
	if s.api == "" {
		must(fmt.Errorf("JUBAO_API is not set"))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	s.notifyURL = fmt.Sprintf("http://%s/notify", listener.Addr())
	go func() { must(http.Serve(listener, s)) }()
	orders := []params{}
	for _, w := range ways {
		orders = append(orders, s.live(w))
	}
	isGood := len(s.failed) == 0
	verdict := params{"ok": isGood, "checks": s.checks, "orders": orders, "failed": s.failed}
	text, err := json.Marshal(verdict)
	must(err)
	fmt.Println(string(text))
	if !isGood {
		os.Exit(1)
	}
}
