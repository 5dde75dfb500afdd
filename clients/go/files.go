// SPDX-License-Identifier: Apache-2.0

package vmalab

import (
	"context"
	"time"

	"vmalab.dev/go/vmalabpb"
)

// FileOptions name a file that can be mapped.
type FileOptions struct {
	DevMajor, DevMinor uint32
	Ino                uint64
	SizeBytes          uint64
	// Name is what Maps shows.
	Name string
	// TTL is how long it stays open without a lease; 0: the server's default.
	TTL time.Duration
	// NoLease leaves out the lease that keeps it open as long as the client lives.
	NoLease bool
}

// OpenFile opens a file that Mmap can map, and gives its number. The same device and inode give the
// same file.
func (c *Client) OpenFile(ctx context.Context, options FileOptions) (uint64, error) {
	ttl, err := milliseconds(options.TTL)
	if err != nil {
		return 0, err
	}
	answer, err := c.Memory.OpenFile(ctx, &vmalabpb.OpenFileRequest{
		DevMajor:  options.DevMajor,
		DevMinor:  options.DevMinor,
		Ino:       options.Ino,
		SizeBytes: options.SizeBytes,
		Name:      options.Name,
		TtlMs:     ttl,
	})
	if err != nil {
		return 0, err
	}
	if !options.NoLease {
		c.leases.addFile(answer.File)
	}
	return answer.File, nil
}

// CloseFile closes a file; what is mapped of it stays mapped. The lease on it ends with the last open
// of this client.
func (c *Client) CloseFile(ctx context.Context, file uint64) error {
	_, err := c.Memory.CloseFile(ctx, &vmalabpb.CloseFileRequest{File: file})
	if err == nil {
		c.leases.dropFile(file)
	}
	return err
}

// ShareFile lets all clients use a file, for good.
func (c *Client) ShareFile(ctx context.Context, file uint64) error {
	_, err := c.Memory.ShareFile(ctx, &vmalabpb.ShareFileRequest{File: file})
	return err
}

// TruncateFile is ftruncate(2): what lies beyond the new end is gone from every mapping.
func (c *Client) TruncateFile(ctx context.Context, file, sizeBytes uint64) error {
	request := &vmalabpb.TruncateFileRequest{File: file, SizeBytes: sizeBytes}
	answer, err := c.Memory.TruncateFile(ctx, request)
	if err != nil {
		return err
	}
	return failed("truncate_file", answer.ErrnoCode)
}

// AllocateFile is fallocate(2) in bytes; with FALLOC_FL_PUNCH_HOLE and FALLOC_FL_KEEP_SIZE a hole.
func (c *Client) AllocateFile(
	ctx context.Context, file uint64, mode Falloc, offset, length uint64,
) error {
	answer, err := c.Memory.AllocateFile(ctx, &vmalabpb.AllocateFileRequest{
		File: file, Mode: uint32(mode), Offset: offset, Length: length,
	})
	if err != nil {
		return err
	}
	return failed("allocate_file", answer.ErrnoCode)
}
