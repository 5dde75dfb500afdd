// SPDX-License-Identifier: Apache-2.0

package vmalab

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"vmalab.dev/go/internal/version"
	"vmalab.dev/go/vmalabpb"
)

// OldestServer is the oldest server that does all that this client asks for.
const OldestServer = "0.1.0"

const handshakePatience = 10 * time.Second

// shakeHands asks who the server is, and warns once if one of the two is too old. A server that
// gives no answer is used as it is: the next call has the error.
func (c *Client) shakeHands(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, handshakePatience)
	defer cancel()
	info, err := c.Inspect.GetServerInfo(ctx, &vmalabpb.GetServerInfoRequest{})
	if err != nil {
		return
	}
	if text := complaint(info, version.Client); text != "" {
		c.options.warn(text)
	}
}

// complaint says what is wrong between a client of a version and a server; empty: nothing.
func complaint(info *vmalabpb.GetServerInfoResponse, mine string) string {
	if older(mine, info.OldestClient) {
		return fmt.Sprintf("vmalab: this client is %s, and the server %s serves clients from %s on: get a newer one",
			mine, info.Version, info.OldestClient)
	}
	// "0" is a server that runs from a tree.
	if info.Version != "" && info.Version != "0" && older(info.Version, OldestServer) {
		return fmt.Sprintf("vmalab: the server is %s, and this client asks for what servers do from %s on: run a newer one",
			info.Version, OldestServer)
	}
	return ""
}

// older compares versions number by number; what has no number is not older.
func older(one, other string) bool {
	first, second := numbers(one), numbers(other)
	for i := range max(len(first), len(second)) {
		var a, b int
		if i < len(first) {
			a = first[i]
		}
		if i < len(second) {
			b = second[i]
		}
		if a != b {
			return a < b
		}
	}
	return false
}

func numbers(text string) []int {
	var found []int
	for _, part := range strings.Split(text, ".") {
		number, err := strconv.Atoi(part)
		if err != nil {
			break
		}
		found = append(found, number)
	}
	return found
}
