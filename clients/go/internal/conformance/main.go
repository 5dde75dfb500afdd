// SPDX-License-Identifier: Apache-2.0

// Conformance runs the conformance cases with the Go client, and prints TAP.
//
// usage: conformance ORDERS
//
// clients/conformance/runner.py starts it. The names of steps and expectations are those of
// clients/conformance/README.md.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// step is a step of a case: what it does, its arguments and its expectations.
type step map[string]any

type profile struct {
	Target       string              `json:"target"`
	Workers      []string            `json:"workers"`
	Unix         []string            `json:"unix"`
	TLS          bool                `json:"tls"`
	Token        string              `json:"token"`
	Pair         string              `json:"pair"`
	Certificates map[string]string   `json:"certificates"`
	Pairs        map[string][]string `json:"pairs"`
	Tokens       map[string]string   `json:"tokens"`
}

type orders struct {
	Profiles map[string]*profile `json:"profiles"`
	Cases    []struct {
		Name    string `json:"name"`
		Profile string `json:"profile"`
		Steps   []step `json:"steps"`
	} `json:"cases"`
}

func main() {
	given, err := read(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	input := bufio.NewReader(os.Stdin)
	failed := false
	fmt.Printf("1..%d\n", len(given.Cases))
	for number, one := range given.Cases {
		running := newRunning(given.Profiles[one.Profile], one.Profile, input)
		text := running.run(one.Steps)
		if text == "" {
			fmt.Printf("ok %d - %s\n", number+1, one.Name)
			continue
		}
		failed = true
		fmt.Printf("not ok %d - %s\n", number+1, one.Name)
		fmt.Printf("# %s: %s\n", one.Name, strings.Join(strings.Fields(text), " "))
	}
	if failed {
		os.Exit(1)
	}
}

func read(path string) (*orders, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	decoder := json.NewDecoder(file)
	decoder.UseNumber()
	given := &orders{}
	return given, decoder.Decode(given)
}
