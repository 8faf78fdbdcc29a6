// The client that the other samples use: signs, sends, verifies. The standard library alone.
package main

import (
	"bytes"
	"crypto/md5"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sort"
	"strings"
	"time"
)

// Sign is MD5 over the key, name and value of every parameter but sign in the order of names, and the key.
func Sign(params map[string]any) string {
	names := make([]string, 0, len(params))
	for name := range params {
		if name != "sign" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	key := os.Getenv("JUBAO_KEY")
	text := key
	for _, name := range names {
		text += name + fmt.Sprint(params[name])
	}
	return fmt.Sprintf("%X", md5.Sum([]byte(text+key)))
}

func IsSigned(params map[string]any) bool {
	given := strings.ToUpper(fmt.Sprint(params["sign"]))
	return subtle.ConstantTimeCompare([]byte(Sign(params)), []byte(given)) == 1
}

// Read keeps numbers as they are spelled: they are signed so.
func Read(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(into)
}

type Answer struct {
	Code    int
	Message string
	Data    map[string]any
}

var client = &http.Client{Timeout: 15 * time.Second}

// Call calls an operation; gives back the whole answer, its data verified.
func Call(path string, params map[string]any) (*Answer, error) {
	params["mch_id"], params["version"] = os.Getenv("JUBAO_MCH_ID"), 2
	params["sign"] = Sign(params)
	body, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	response, err := client.Post(os.Getenv("JUBAO_API")+path, "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("no answer: repeat the same request, or query: %w", err)
	}
	defer response.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(response.Body); err != nil {
		return nil, err
	}
	answer := &Answer{}
	if err := Read(text.Bytes(), answer); err != nil {
		return nil, err
	}
	if answer.Data != nil && !IsSigned(answer.Data) {
		return nil, errors.New("the answer is not signed with our key")
	}
	return answer, nil
}
