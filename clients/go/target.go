// SPDX-License-Identifier: Apache-2.0

package vmalab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"google.golang.org/grpc/resolver"
)

// A name or a number of IPv4, or a number of IPv6 in brackets; a port.
var hostPort = regexp.MustCompile(`^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})$`)

// checkTarget refuses what is neither host:port nor unix:PATH.
func checkTarget(target string) error {
	if path, is := strings.CutPrefix(target, "unix:"); is && path != "" {
		return nil
	}
	found := hostPort.FindStringSubmatch(target)
	good := found != nil && (found[1] == "" || isIPv6(found[1]))
	if good {
		port, err := strconv.ParseUint(found[3], 10, 16)
		good = err == nil && port > 0
	}
	if !good {
		return fmt.Errorf("%w: %q is not host:port, as 127.0.0.1:7420, or unix:PATH", ErrBadTarget, target)
	}
	return nil
}

func isIPv6(host string) bool {
	address, err := netip.ParseAddr(host)
	return err == nil && address.Is6()
}

func isUnix(target string) bool { return strings.HasPrefix(target, "unix:") }

// isLocal says whether an address is of this machine alone.
func isLocal(target string) bool {
	if isUnix(target) {
		return true
	}
	host, _, err := net.SplitHostPort(target)
	if err != nil {
		return false
	}
	address := net.ParseIP(host)
	return host == "localhost" || address != nil && address.IsLoopback()
}

// stateOf is what the resolver of a client says: each target is an endpoint of round_robin.
func stateOf(targets []string) resolver.State {
	state := resolver.State{}
	for _, target := range targets {
		name := "localhost"
		if host, _, err := net.SplitHostPort(target); err == nil && !isUnix(target) {
			name = host
		}
		address := resolver.Address{Addr: target, ServerName: name}
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{address}})
	}
	return state
}

func dialTarget(ctx context.Context, target string) (net.Conn, error) {
	var dialer net.Dialer
	if path, is := strings.CutPrefix(target, "unix:"); is {
		return dialer.DialContext(ctx, "unix", path)
	}
	return dialer.DialContext(ctx, "tcp", target)
}
