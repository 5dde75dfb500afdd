// SPDX-License-Identifier: Apache-2.0

package vmalab

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// TimeoutDefault bounds a call whose context has no deadline.
const TimeoutDefault = 30 * time.Second

// Option changes how a client connects.
type Option func(*options)

type options struct {
	token    string
	roots    []byte
	tls      bool
	cert     []byte
	key      []byte
	pair     bool
	timeout  time.Duration
	discover bool
	warn     func(string)
}

func chosen(given []Option) *options {
	made := &options{timeout: TimeoutDefault, discover: true, warn: func(text string) { log.Print(text) }}
	for _, option := range given {
		option(made)
	}
	return made
}

// WithToken sends a token with each call: over TLS, or to an address of this machine.
func WithToken(token string) Option { return func(o *options) { o.token = token } }

// WithRootCertificates connects with TLS, to a server whose certificate one of these (PEM) has
// signed.
func WithRootCertificates(pem []byte) Option {
	return func(o *options) { o.roots, o.tls = pem, true }
}

// WithClientCertificate shows a certificate (PEM, with its key) to a server that wants to know its
// clients by them: vmalab serve --tls-client-ca. It goes with WithRootCertificates.
func WithClientCertificate(cert, key []byte) Option {
	return func(o *options) { o.cert, o.key, o.pair = cert, key, true }
}

// WithTimeout bounds each unary call whose context has no deadline; 0: none does.
func WithTimeout(timeout time.Duration) Option { return func(o *options) { o.timeout = timeout } }

// WithoutDiscovery uses the targets as they are: the server is neither asked for its workers nor for
// its version.
func WithoutDiscovery() Option { return func(o *options) { o.discover = false } }

// WithWarnings gets what the handshake warns of, once for each client; by default it is logged.
func WithWarnings(warn func(text string)) Option { return func(o *options) { o.warn = warn } }

// credentials are those of the connection. It fails with ErrBadCertificate or ErrBadToken.
func (o *options) credentials(targets []string) (credentials.TransportCredentials, error) {
	for _, one := range []byte(o.token) {
		if one < ' ' || one > '~' {
			return nil, fmt.Errorf("%w, and has printable characters of ASCII alone", ErrBadToken)
		}
	}
	if !o.tls {
		if o.pair {
			return nil, fmt.Errorf("%w: a client certificate goes with root certificates", ErrBadCertificate)
		}
		for _, target := range targets {
			if o.token != "" && !isLocal(target) {
				return nil, fmt.Errorf("%w: not to %s", ErrBadToken, target)
			}
		}
		return insecure.NewCredentials(), nil
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	if !config.RootCAs.AppendCertsFromPEM(o.roots) {
		return nil, fmt.Errorf("%w: there is none in the root certificates: PEM is wanted", ErrBadCertificate)
	}
	if o.pair {
		pair, err := tls.X509KeyPair(o.cert, o.key)
		if err != nil {
			return nil, fmt.Errorf("%w: the client certificate: %v", ErrBadCertificate, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return credentials.NewTLS(config), nil
}
