// go run query.go jubao.go
package main

import (
	"fmt"
	"log"
	"os"
)

func main() {
	answer, err := Call("/order/query", map[string]any{"out_trade_no": os.Getenv("OUT_TRADE_NO")})
	if err != nil {
		log.Fatal(err)
	}
	if answer.Code != 200 {
		log.Fatal(answer.Code, " ", answer.Message)
	}
	fmt.Println(answer.Data["trade_state"])
}
