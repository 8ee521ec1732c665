#!/usr/bin/env bash
# Finding: golang.org/x/oauth2 answers a 503 of the token endpoint by sending the same refresh token again at once,
# with the client secret moved from the header into the body.
#
# Parts: golang.org/x/oauth2 v0.38.0 against a token endpoint of a few lines. Needs Go 1.26 or newer.
# Input: one call of Token() with an expired access token. The configuration leaves AuthStyle at its zero value. The
# endpoint answers 503 with temporarily_unavailable, as a gateway does, also after the server behind it has rotated.
# Expected: one request and an error. Detection of the client's authentication style reacts to 401 alone.
# Observed: two requests. Any error answer counts as "wrong style", so 503 and 429 are repeated without a pause. At a
# server that rotates refresh tokens, the second request is a reuse of a spent token. The style is remembered after a
# success only. AuthStyle: AuthStyleInHeader sends one request.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

cat > go.mod <<'EOF'
module finding

go 1.26.0
EOF
cat > main.go <<'EOF'
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"golang.org/x/oauth2"
)

// requestsFor returns how each request of one refresh authenticated the client, in order.
func requestsFor(status int, style oauth2.AuthStyle) []string {
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		how := "secret in body"
		if _, _, basic := r.BasicAuth(); basic {
			how = "secret in header"
		}
		seen = append(seen, how+", "+r.PostFormValue("refresh_token"))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		io.WriteString(w, `{"error":"temporarily_unavailable"}`)
	}))
	defer server.Close()
	config := oauth2.Config{
		ClientID:     "client",
		ClientSecret: "secret",
		Endpoint:     oauth2.Endpoint{TokenURL: server.URL, AuthStyle: style},
	}
	expired := &oauth2.Token{RefreshToken: "refresh-0", Expiry: time.Now().Add(-time.Hour)}
	if _, err := config.TokenSource(context.Background(), expired).Token(); err == nil {
		fmt.Println("the refresh succeeded although the endpoint answered", status)
		os.Exit(2)
	}
	return seen
}

func main() {
	fmt.Println("golang.org/x/oauth2 v0.38.0, requests sent by one refresh")
	fmt.Println("expected: 503 and 429 lead to one request")
	unavailable := requestsFor(503, oauth2.AuthStyleAutoDetect)
	throttled := requestsFor(429, oauth2.AuthStyleAutoDetect)
	fmt.Printf("observed: 503 %q\n", unavailable)
	fmt.Printf("observed: 429 %q\n", throttled)
	fmt.Printf("observed: 503 with AuthStyleInHeader %q\n", requestsFor(503, oauth2.AuthStyleInHeader))
	if len(unavailable) != 2 || len(throttled) != 2 {
		fmt.Println("CHANGED: the refresh token is sent once")
		os.Exit(1)
	}
	fmt.Println("STILL SO: the refresh token was sent twice")
}
EOF
export GOFLAGS=-mod=mod
go get golang.org/x/oauth2@v0.38.0 > go.log 2>&1 || { cat go.log; exit 2; }
timeout 120 go run .
