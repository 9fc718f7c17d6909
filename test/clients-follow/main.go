// Follows a task of a server.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"example.com/pigeonhole-client/gen/pigeonhole/v1/pigeonholev1connect"
)

func main() {
	tasks := pigeonholev1connect.NewTaskServiceClient(http.DefaultClient, os.Args[1])
	for update, err := range follow(context.Background(), tasks, "any", 0) {
		if err != nil {
			fmt.Fprintln(os.Stderr, explain(err))
			os.Exit(1)
		}
		fmt.Println(update.Sequence)
	}
}
