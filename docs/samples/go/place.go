// go run place.go jubao.go
package main

import (
	"fmt"
	"log"
	"os"
)

func main() {
	answer, err := Call("/payment/pay", map[string]any{
		"pay_channel_id": 304,
		"total_fee":      1314,                      // 13.14, in fen
		"out_trade_no":   os.Getenv("OUT_TRADE_NO"), // yours: it makes repeating safe
		"notify_url":     os.Getenv("NOTIFY_URL"),
		"body":           "明前龙井",
	})
	if err != nil {
		log.Fatal(err)
	}
	if answer.Code != 200 {
		log.Fatal(answer.Code, " ", answer.Message)
	}
	fmt.Println(answer.Data["sn"], answer.Data["code_url"])
}
