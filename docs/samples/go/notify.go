// Receives notifications: PORT=8000 go run notify.go jubao.go
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// read takes a notification as a form or as JSON.
func read(body string) map[string]any {
	params := map[string]any{}
	if strings.HasPrefix(body, "{") {
		if err := Read([]byte(body), &params); err != nil {
			return nil
		}
		return params
	}
	values, err := url.ParseQuery(body)
	if err != nil {
		return nil
	}
	for name := range values {
		params[name] = values.Get(name)
	}
	return params
}

func notify(writer http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(io.LimitReader(request.Body, 1<<16))
	params := read(string(body))
	if err != nil || !IsSigned(params) {
		fmt.Fprint(writer, "fail")
		return
	}
	// In one transaction of yours: find the order, compare total_fee, mark it paid if it is not yet.
	fmt.Println("paid", params["out_trade_no"], params["total_fee"])
	fmt.Fprint(writer, "success")
}

func main() {
	http.HandleFunc("/", notify)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
