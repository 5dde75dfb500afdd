// SPDX-License-Identifier: Apache-2.0

package vmalab

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver/manual"

	"vmalab.dev/go/vmalabpb"
)

// MessageBytesMax is what a message may have on this side; the server has limits of its own.
const MessageBytesMax = 64 << 20

// Looking does no harm twice; memory calls are never tried again.
const serviceConfig = `{
	"loadBalancingConfig": [{"round_robin": {}}],
	"methodConfig": [{
		"name": [{"service": "vmalab.v1.InspectService"}],
		"retryPolicy": {
			"maxAttempts": 4,
			"initialBackoff": "0.05s",
			"maxBackoff": "1s",
			"backoffMultiplier": 2,
			"retryableStatusCodes": ["UNAVAILABLE"]
		}
	}]
}`

// More than ten years is the same as for ever, and a sum with it still fits.
const boundMax = 10 * 365 * 24 * time.Hour

// A server closes connections that are pinged more often than every five minutes without a call.
const pingEvery = 6 * time.Minute

// Client is a connection to an instance. Goroutines may share it.
type Client struct {
	// Memory, Userfaultfd, Inspect and Lab are the generated stubs, with the errors of this package
	// and the deadline of WithTimeout. Lab serves on an instance started with --lab.
	Memory      vmalabpb.MemoryServiceClient
	Userfaultfd vmalabpb.UserfaultfdServiceClient
	Inspect     vmalabpb.InspectServiceClient
	Lab         vmalabpb.LabServiceClient

	health  grpc_health_v1.HealthClient
	conn    *grpc.ClientConn
	options *options
	leases  *leases
	closed  atomic.Bool
	token   string
}

// Dial connects to a server at "host:port" or "unix:PATH". A TCP address is asked for the workers,
// and calls go to all of them in turn; with TLS they go to the address that was given.
func Dial(ctx context.Context, target string, given ...Option) (*Client, error) {
	return DialAll(ctx, []string{target}, given...)
}

// DialAll connects to several addresses of one server; calls go to all of them in turn.
func DialAll(ctx context.Context, targets []string, given ...Option) (*Client, error) {
	if len(targets) == 0 {
		return nil, fmt.Errorf("%w: give host:port, or several", ErrBadTarget)
	}
	for _, target := range targets {
		if err := checkTarget(target); err != nil {
			return nil, err
		}
	}
	options := chosen(given)
	if options.timeout < 0 {
		return nil, fmt.Errorf("%w: WithTimeout(%v): give 0 for no bound", ErrBadTime, options.timeout)
	}
	secrets, err := options.credentials(targets)
	if err != nil {
		return nil, err
	}
	client := &Client{options: options, token: options.token}
	resolver := manual.NewBuilderWithScheme("vmalab")
	resolver.InitialState(stateOf(targets))
	connection := []grpc.DialOption{
		grpc.WithResolvers(resolver),
		grpc.WithTransportCredentials(secrets),
		grpc.WithContextDialer(dialTarget),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, MaxDelay: time.Second},
			MinConnectTimeout: 20 * time.Second,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingEvery, Timeout: 20 * time.Second}),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(MessageBytesMax), grpc.MaxCallSendMsgSize(MessageBytesMax)),
		grpc.WithUnaryInterceptor(client.unary),
		grpc.WithStreamInterceptor(client.stream),
	}
	if isUnix(targets[0]) { // a path is no name of a host
		connection = append(connection, grpc.WithAuthority("localhost"))
	}
	client.conn, err = grpc.NewClient("vmalab:///"+targets[0], connection...)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrBadTarget, err)
	}
	client.Memory = vmalabpb.NewMemoryServiceClient(client.conn)
	client.Userfaultfd = vmalabpb.NewUserfaultfdServiceClient(client.conn)
	client.Inspect = vmalabpb.NewInspectServiceClient(client.conn)
	client.Lab = vmalabpb.NewLabServiceClient(client.conn)
	client.health = grpc_health_v1.NewHealthClient(client.conn)
	client.leases = newLeases(client.Memory)
	if options.discover {
		single := len(targets) == 1 && !isUnix(targets[0])
		if err := client.discover(ctx, single, resolver); err != nil {
			_ = client.conn.Close()
			return nil, err
		}
	}
	return client, nil
}

// discover shakes hands, and learns the addresses of the workers if one address was given.
func (c *Client) discover(ctx context.Context, single bool, resolver *manual.Resolver) error {
	if !single {
		c.shakeHands(ctx)
		return nil
	}
	answer, err := c.Inspect.ListWorkers(ctx, &vmalabpb.ListWorkersRequest{})
	if err != nil {
		return err
	}
	c.shakeHands(ctx)
	var addresses []string
	for _, worker := range answer.Workers {
		if checkTarget(worker.Address) != nil || !isLocal(worker.Address) && c.token != "" && !c.options.tls {
			return nil
		}
		addresses = append(addresses, worker.Address)
	}
	if len(addresses) > 0 && !c.options.tls { // the certificate is for the name that was given
		resolver.UpdateState(stateOf(addresses))
	}
	return nil
}

// unary is what each call goes through: deadline, token, errors.
func (c *Client) unary(
	ctx context.Context, method string, request, answer any, conn *grpc.ClientConn,
	invoke grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	if c.closed.Load() {
		return ErrClosed
	}
	if _, bounded := ctx.Deadline(); !bounded && c.options.timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, min(c.options.timeout, boundMax)+moreTime(request))
		defer cancel()
		ctx = limited
	}
	return serviceError(invoke(c.withToken(ctx), method, request, answer, conn, options...))
}

// moreTime is how much longer than others a call may take by itself.
func moreTime(request any) time.Duration {
	switch one := request.(type) {
	case *vmalabpb.WaitPointRequest:
		return time.Duration(one.TimeoutMs) * time.Millisecond
	case *vmalabpb.RunScenarioRequest:
		return time.Duration(one.TimeMs)*time.Millisecond + 70*time.Second
	}
	return 0
}

func (c *Client) stream(
	ctx context.Context, description *grpc.StreamDesc, conn *grpc.ClientConn, method string,
	open grpc.Streamer, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	if c.closed.Load() {
		return nil, ErrClosed
	}
	opened, err := open(c.withToken(ctx), description, conn, method, options...)
	return opened, serviceError(err)
}

func (c *Client) withToken(ctx context.Context) context.Context {
	if c.token == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c.token)
}

// Health asks the server, or one of its services, for its health: "SERVING" is good.
func (c *Client) Health(ctx context.Context, service string) (string, error) {
	answer, err := c.health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: service})
	if err != nil {
		return "", err
	}
	return answer.Status.String(), nil
}

// Lost has the address spaces whose lease is lost: they ended, or are another client's (ErrNotOwner).
func (c *Client) Lost() []uint64 { return c.leases.lostOnes() }

// WaitLease waits until the server has confirmed the lease of this client on an address space.
func (c *Client) WaitLease(ctx context.Context, mm uint64) error { return c.leases.wait(ctx, mm) }

// Close ends all leases and the connection.
func (c *Client) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	c.leases.close()
	return c.conn.Close()
}
