// SPDX-License-Identifier: Apache-2.0

package dev.vmalab.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.rpc.ErrorInfo;
import dev.vmalab.v1.GetServerInfoResponse;
import dev.vmalab.v1.RunScenarioRequest;
import dev.vmalab.v1.WaitPointRequest;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Targets, tokens, errors, versions, times: what a client decides without a server. */
class ClientTest {
    private static List<Target> to(String target) {
        return List.of(Target.of(target));
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1:7420", "[::1]:7420", "example.org:1", "unix:/run/a.sock"})
    void aTarget(String text) {
        assertEquals(text, Target.of(text).text());
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
            "", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", ":7420", "unix:", "a b:1",
            "http://a:1", "::1:7420", "a:b", "[localhost]:1", "[127.0.0.1]:1", "[::1:1", "a,b:1",
            "a\n:1", "127.0.0.1:+1", "[12345::]:1"
        })
    void noTarget(String text) {
        assertThrows(RefusedException.BadTarget.class, () -> Client.connect(text));
    }

    @Test
    void targetsOfTwoKindsOrNone() {
        assertThrows(
            RefusedException.BadTarget.class, () -> Client.connect("unix:/a", "127.0.0.1:1"));
        assertThrows(RefusedException.BadTarget.class, () -> Client.connect(new String[0]));
    }

    @ParameterizedTest
    @CsvSource({
        "127.0.0.1:1,true", "127.9.0.1:1,true", "[::1]:1,true", "localhost:1,true", "unix:/a,true",
        "192.0.2.1:1,false", "localhost.example.org:1,false", "[2001:db8::1]:1,false"
    })
    void aTokenStaysOnThisMachineOrGoesOverTls(String target, boolean good) {
        ClientOptions plain = new ClientOptions().token("secret");
        if (good) {
            assertNull(plain.security(to(target)));
        } else {
            assertThrows(RefusedException.BadToken.class, () -> plain.security(to(target)));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"two\nlines", "secr\u00e9t", "\u007f", "tab\t"})
    void aTokenIsPrintable(String odd) {
        ClientOptions plain = new ClientOptions().token(odd);
        assertThrows(RefusedException.BadToken.class, () -> plain.security(to("127.0.0.1:1")));
    }

    @Test
    void certificatesAreChecked() {
        byte[] none = "none".getBytes(StandardCharsets.UTF_8);
        for (ClientOptions one :
            List.of(
                new ClientOptions().rootCertificates(none),
                new ClientOptions().rootCertificates(new byte[0]),
                new ClientOptions().clientCertificate(none, none))) {
            assertThrows(
                RefusedException.BadCertificate.class, () -> one.security(to("127.0.0.1:1")));
        }
    }

    private static ServiceException with(io.grpc.Status.Code code, String reason) {
        ErrorInfo info =
            ErrorInfo.newBuilder()
                .setReason(reason)
                .setDomain("vmalab")
                .putMetadata("mm", "7")
                .build();
        return ServiceException.of(
            StatusProto.toStatusRuntimeException(
                com.google.rpc.Status.newBuilder()
                    .setCode(code.value())
                    .setMessage("gone")
                    .addDetails(Any.pack(info))
                    .build()));
    }

    @Test
    void errorInfoIsDecoded() {
        ServiceException found = with(Status.Code.NOT_FOUND, Constants.REASON_NO_SUCH_MM);
        assertInstanceOf(ServiceException.NoSuchAddressSpace.class, found);
        assertEquals("NO_SUCH_MM", found.reason());
        assertEquals("7", found.metadata().get("mm"));
        assertEquals(Status.Code.NOT_FOUND, found.code());
        assertEquals("NO_SUCH_MM: gone", found.getMessage());
        ServiceException other =
            with(Status.Code.NOT_FOUND, Constants.REASON_NO_SUCH_SERVICE);
        assertEquals(ServiceException.class, other.getClass());
        ServiceException late =
            ServiceException.of(Status.DEADLINE_EXCEEDED.asRuntimeException());
        assertInstanceOf(ServiceException.DeadlineExceeded.class, late);
        assertEquals("", late.reason());
    }

    @Test
    void anErrnoHasItsName() {
        CallException error =
            assertThrows(CallException.class, () -> CallException.check("mmap", Constants.ENOMEM));
        assertEquals("mmap: ENOMEM", error.getMessage());
        CallException.check("mmap", 0);
    }

    @ParameterizedTest
    @CsvSource({
        "1.2.0,0.9,0.9.0,''",
        "1.2.0,0.9,0.10,''",
        "1.2.0,0.9,0.8.9,this client is 0.8.9",
        "0.0.9,'',1.0,run a newer one",
        "0,'',0.1.0,''",
        "'','',0.1.0,''"
    })
    void theHandshakeComplainsOfWhatIsTooOld(
            String server, String oldest, String mine, String said) {
        GetServerInfoResponse info =
            GetServerInfoResponse.newBuilder().setVersion(server).setOldestClient(oldest).build();
        String complaint = Handshake.complaint(info, mine);
        assertEquals(said.isEmpty(), complaint.isEmpty(), complaint);
        assertTrue(complaint.contains(said), complaint);
    }

    @ParameterizedTest
    @CsvSource({
        "PT0S,0", "PT0.000000001S,1", "PT0.001S,1", "PT1S,1000",
        "PT1193047H,4294967295", "P106751991167300D,4294967295"
    })
    void millisecondsAreNeverTheDefaultByRounding(Duration given, long wanted) {
        assertEquals(wanted, Integer.toUnsignedLong(SpaceOptions.milliseconds(given)));
    }

    @Test
    void timesBelowZeroAreRefused() {
        Duration odd = Duration.ofSeconds(-1);
        assertThrows(IllegalArgumentException.class, () -> SpaceOptions.milliseconds(odd));
        assertThrows(IllegalArgumentException.class, () -> new SpaceOptions().ttl(odd));
        assertThrows(IllegalArgumentException.class, () -> new ClientOptions().timeout(odd));
    }

    @Test
    void aBlockThatNoMessageHoldsHasAReason() {
        Status refused = Status.RESOURCE_EXHAUSTED;
        ServiceException found =
            ServiceException.of(
                    refused.withDescription("SERVER: Received message larger than max (9 vs. 8)"))
                .ofBlock();
        assertInstanceOf(ServiceException.Invalid.class, found);
        assertEquals(Constants.REASON_BLOCK_TOO_BIG, found.reason());
        ServiceException other = ServiceException.of(refused.withDescription("too many calls"));
        assertEquals(other, other.ofBlock());
    }

    @Test
    void callsThatWaitGetMoreTime() {
        WaitPointRequest wait = WaitPointRequest.newBuilder().setTimeoutMs(5000).build();
        assertEquals(Duration.ofSeconds(5), CallRules.moreTime(wait));
        RunScenarioRequest run = RunScenarioRequest.newBuilder().setTimeMs(1000).build();
        assertEquals(Duration.ofSeconds(71), CallRules.moreTime(run));
        assertEquals(Duration.ZERO, CallRules.moreTime("any other"));
    }

    @Test
    void constantsHaveTheirNames() {
        assertEquals(
            OptionalLong.of(Constants.MAP_FIXED_NOREPLACE),
            Constants.byName("MAP_FIXED_NOREPLACE"));
        assertEquals(
            OptionalLong.of(Constants.STATUS_NO_SUCH_MM), Constants.byName("STATUS_NO_SUCH_MM"));
        assertFalse(Constants.byName("NO_SUCH_CONSTANT").isPresent());
        assertEquals("18446744073709551615", Long.toUnsignedString(Constants.RLIM_INFINITY));
    }

    @Test
    void nobodyIsThere() {
        assertThrows(ServiceException.Unavailable.class, () -> Client.connect("127.0.0.1:1"));
    }
}
