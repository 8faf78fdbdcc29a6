// go run refund.go jubao.go
package main

import (
	"fmt"
	"log"
	"os"
)

func main() {
	answer, err := Call("/payment/refund", map[string]any{
		"out_trade_no":  os.Getenv("OUT_TRADE_NO"),
		"out_refund_no": os.Getenv("OUT_TRADE_NO") + "-R1", // yours: one number is one refund
		"refund_fee":    314,
	})
	if err != nil {
		log.Fatal(err)
	}
	if answer.Code != 200 {
		log.Fatal(answer.Code, " ", answer.Message)
	}
	fmt.Println(answer.Data["refund_status"])
}
