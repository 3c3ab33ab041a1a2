// SPDX-License-Identifier: GPL-2.0-or-later

// varlink_client ADDRESS [-more] METHOD PARAMETERS: one call through the Go implementation of Varlink, which knows
// nothing of gwd. Prints every reply, or the name of the error and exits 1.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/varlink/go/varlink"
)

func main() {
	address, args := os.Args[1], os.Args[2:]
	var flags uint64
	if args[0] == "-more" {
		flags, args = varlink.More, args[1:]
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	connection, err := varlink.NewConnection(ctx, address)
	fatal(err)
	receive, err := connection.Send(ctx, args[0], json.RawMessage(args[1]), flags)
	fatal(err)
	for {
		var reply json.RawMessage
		flags, err := receive(ctx, &reply)
		fatal(err)
		fmt.Println(string(reply))
		if flags&varlink.Continues == 0 {
			return
		}
	}
}

func fatal(err error) {
	if e, ok := err.(*varlink.Error); ok {
		fmt.Println(e.Name)
		os.Exit(1)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
