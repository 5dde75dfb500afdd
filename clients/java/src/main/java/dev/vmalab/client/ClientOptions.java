// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import io.grpc.netty.shaded.io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContext;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContextBuilder;
import java.io.ByteArrayInputStream;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import javax.net.ssl.SSLException;

/** How a client connects. A method changes this object, and gives it back. */
public final class ClientOptions {
    /** What bounds a call whose context has no deadline. */
    public static final Duration TIMEOUT_DEFAULT = Duration.ofSeconds(30);

    private static final Pattern TOKEN = Pattern.compile("[ -~]*");
    private static final System.Logger LOG = System.getLogger("dev.vmalab.client");

    private String token = "";
    private byte[] roots;
    private byte[] certificate;
    private byte[] key;
    private Duration timeout = TIMEOUT_DEFAULT;
    private boolean discovers = true;
    private Consumer<String> warn = text -> LOG.log(System.Logger.Level.WARNING, text);
    private String version = Handshake.CLIENT;

    /** The defaults: no TLS, no token, 30 seconds, the workers are looked for. */
    public ClientOptions() {}

    /**
     * Sends a token with each call: over TLS, or to an address of this machine.
     *
     * @param given the token; empty: none
     * @return this object
     */
    public ClientOptions token(String given) {
        token = given;
        return this;
    }

    /**
     * Connects with TLS, to a server whose certificate one of these has signed.
     *
     * @param pem the root certificates, in PEM
     * @return this object
     */
    public ClientOptions rootCertificates(byte[] pem) {
        roots = pem.clone();
        return this;
    }

    /**
     * Shows a certificate to a server that wants to know its clients by them: vmalab serve
     * --tls-client-ca. It goes with {@link #rootCertificates}.
     *
     * @param pem the certificate, in PEM
     * @param keyPem its key, in PEM (PKCS 8)
     * @return this object
     */
    public ClientOptions clientCertificate(byte[] pem, byte[] keyPem) {
        certificate = pem.clone();
        key = keyPem.clone();
        return this;
    }

    /**
     * Bounds each unary call whose context has no deadline.
     *
     * @param most for how long; zero: such a call has no bound
     * @return this object
     */
    public ClientOptions timeout(Duration most) {
        timeout = CallRules.bounded(most);
        return this;
    }

    /**
     * Uses the targets as they are: the server is asked neither for its workers nor for its
     * version.
     *
     * @return this object
     */
    public ClientOptions withoutDiscovery() {
        discovers = false;
        return this;
    }

    /**
     * Says who gets what the handshake warns of, once for each client; by default it is logged.
     *
     * @param given who gets it
     * @return this object
     */
    public ClientOptions warnings(Consumer<String> given) {
        warn = given;
        return this;
    }

    /** The client says that it is of this version; for tests. */
    ClientOptions version(String given) {
        version = given;
        return this;
    }

    String token() {
        return token;
    }

    Duration timeout() {
        return timeout;
    }

    boolean discovers() {
        return discovers;
    }

    Consumer<String> warn() {
        return warn;
    }

    String version() {
        return version;
    }

    boolean tls() {
        return roots != null;
    }

    /** Checks what goes with the targets, and gives the context of TLS; null: there is no TLS. */
    SslContext security(List<Target> targets) {
        if (!TOKEN.matcher(token).matches()) {
            throw new RefusedException.BadToken(
                "a token has printable characters of ASCII alone");
        }
        if (roots == null) {
            if (certificate != null) {
                throw new RefusedException.BadCertificate(
                    "a client certificate goes with root certificates", null);
            }
            targets.forEach(this::checkToken);
            return null;
        }
        checkCertificates("the root certificates", roots);
        SslContextBuilder made = GrpcSslContexts.forClient();
        try {
            made.trustManager(new ByteArrayInputStream(roots));
            if (certificate != null) {
                checkCertificates("the client certificate", certificate);
                made.keyManager(
                    new ByteArrayInputStream(certificate), new ByteArrayInputStream(key));
            }
            return made.build();
        } catch (IllegalArgumentException | SSLException wrong) {
            throw new RefusedException.BadCertificate(
                "the certificates or the key cannot be used: PEM is wanted, a key in PKCS 8: "
                    + wrong.getMessage(),
                wrong);
        }
    }

    /** A token goes over TLS, or to an address of this machine. */
    void checkToken(Target target) {
        if (!mayGet(target)) {
            throw new RefusedException.BadToken(
                "a token goes over TLS, or to an address of this machine: not to "
                    + target.text());
        }
    }

    /** Whether a target may get the calls of this client. */
    boolean mayGet(Target target) {
        return token.isEmpty() || tls() || target.isLocal();
    }

    private static void checkCertificates(String what, byte[] pem) {
        Collection<? extends Certificate> found;
        try {
            found =
                CertificateFactory.getInstance("X.509")
                    .generateCertificates(new ByteArrayInputStream(pem));
        } catch (CertificateException wrong) {
            throw new RefusedException.BadCertificate(what + ": " + wrong.getMessage(), wrong);
        }
        if (found.isEmpty()) {
            throw new RefusedException.BadCertificate(
                what + ": there is none in them: PEM is wanted", null);
        }
    }
}
