// SPDX-License-Identifier: Apache-2.0

// Package version has the version of the client; its tests change it.
package version

// Client is the version of this client.
var Client = "0.1.0"
