"""The way to a broker: a TCP or TLS connection, and in words why there is none."""

import asyncio
import ssl

from ingest.inbox import Inbox
from ingest.mqtt_error import TlsUnusable, Unreachable
from ingest.mqtt_protocol import ANSWER_S, CLOSE_S, Connection
from ingest.settings import Mqtt, Tls


def tls_context(tls: Tls) -> ssl.SSLContext | None:
    """Return what encrypts a connection, or None when the settings ask for no encryption.

    Raises:
        TlsUnusable: A file is missing, unreadable, or not what it should be.
    """
    if not tls.enabled:
        return None
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
        if tls.cert_file is not None:
            context.load_cert_chain(tls.cert_file, tls.key_file)
    except OSError as error:  # ssl.SSLError is one
        files = ", ".join(str(file) for file in (tls.ca_file, tls.cert_file, tls.key_file) if file is not None)
        raise TlsUnusable(f"certificate files cannot be used ({error}); correct mqtt.tls: {files}") from error
    return context


async def reach(settings: Mqtt, tls: ssl.SSLContext | None, number: int, inbox: Inbox) -> Connection:
    """Return a connection that is not open yet; whoever asked closes it.

    Args:
        settings: Where.
        tls: None without encryption.
        number: Counts the tries of this process to connect.
        inbox: Gets the Messages.

    Raises:
        Unreachable: No connection.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(ANSWER_S):
            _, connection = await loop.create_connection(
                lambda: Connection(number, inbox),
                settings.host,
                settings.port,
                ssl=tls,
                ssl_shutdown_timeout=None if tls is None else CLOSE_S,
            )
    except TimeoutError as error:
        raise Unreachable(f"no connection within {ANSWER_S:g} s") from error
    except ssl.SSLCertVerificationError as error:
        raise Unreachable(
            f"the broker's certificate is not trusted ({error.verify_message}); "
            f"correct mqtt.tls.ca_file, mqtt.host, or the certificate",
            needs_person=True,
        ) from error
    except ssl.SSLError as error:
        raise Unreachable(
            f"TLS fails ({error.reason or error}); correct mqtt.tls and mqtt.port", needs_person=True
        ) from error
    except (OSError, UnicodeError) as error:
        hint = "; does the broker speak TLS on this port?" if tls and isinstance(error, ConnectionError) else ""
        raise Unreachable(f"no connection ({error}){hint}") from error
    return connection
