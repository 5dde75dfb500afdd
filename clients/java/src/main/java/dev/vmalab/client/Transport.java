// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import io.grpc.ClientTransportFilter;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.ChannelOption;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.MultiThreadIoEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.Epoll;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollIoHandler;
import io.grpc.netty.shaded.io.netty.channel.unix.DomainSocketAddress;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContext;
import io.grpc.netty.shaded.io.netty.util.concurrent.DefaultThreadFactory;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** What the channel of a client is made of: sockets, TLS, round robin, retries, pings. */
final class Transport {
    private static final int CONNECT_MS = 20_000;
    private static final long PING_ANSWER_S = 20;

    /** A server closes connections that are pinged more often than every five minutes. */
    private static final long PING_EVERY_MIN = 6;

    /** Looking does no harm twice; memory calls are never tried again. */
    private static final Map<String, ?> SERVICE =
        Map.of(
            "loadBalancingConfig", List.of(Map.of("round_robin", Map.of())),
            "methodConfig",
                List.of(
                    Map.of(
                        "name", List.of(Map.of("service", "vmalab.v1.InspectService")),
                        "retryPolicy",
                            Map.of(
                                "maxAttempts", 4.0,
                                "initialBackoff", "0.05s",
                                "maxBackoff", "1s",
                                "backoffMultiplier", 2.0,
                                "retryableStatusCodes", List.of("UNAVAILABLE")))));

    private final SslContext security;
    private final EventLoopGroup loop;

    /** security: null without TLS. */
    Transport(List<Target> targets, SslContext security) {
        this.security = security;
        this.loop = targets.get(0).isUnix() ? unixLoop() : null;
    }

    private static EventLoopGroup unixLoop() {
        if (!Epoll.isAvailable()) {
            throw new RefusedException.BadTarget(
                "Unix sockets need Linux on x86-64 or aarch64 here: use host:port");
        }
        return new MultiThreadIoEventLoopGroup(
            1, new DefaultThreadFactory("vmalab-unix", true), EpollIoHandler.newFactory());
    }

    ManagedChannel connect(String target, ClientTransportFilter filter) {
        NettyChannelBuilder made =
            NettyChannelBuilder.forTarget(target)
                .defaultServiceConfig(SERVICE)
                .maxInboundMessageSize(Client.MESSAGE_BYTES_MAX)
                .keepAliveTime(PING_EVERY_MIN, TimeUnit.MINUTES)
                .keepAliveTimeout(PING_ANSWER_S, TimeUnit.SECONDS)
                .withOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_MS)
                .addTransportFilter(filter);
        if (loop != null) {
            made.eventLoopGroup(loop)
                .channelType(EpollDomainSocketChannel.class, DomainSocketAddress.class);
        }
        return (security == null ? made.usePlaintext() : made.sslContext(security)).build();
    }

    void close() {
        if (loop != null) {
            loop.shutdownGracefully(0, 1, TimeUnit.SECONDS);
        }
    }
}
