"""A mail server (aiosmtpd) and a receiver of webhooks (standardwebhooks) for one test.

Whatever comes is appended as a line of JSON to mails.jsonl and hooks.jsonl in the directory of --out, and synced before
it is accepted: what is in the file is what the sender was told is accepted, or was about to be told.

Recipients whose names begin with `nobody` are refused for good, those with `busy` for now.
"""

import argparse
import email
import email.policy
import json
import os
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from standardwebhooks import Webhook


class Log:
    """Lines of JSON, synced one by one."""

    def __init__(self, path):
        self.file = open(path, "a", encoding="utf-8")
        self.lock = threading.Lock()

    def add(self, **fields):
        with self.lock:
            self.file.write(json.dumps(fields) + "\n")
            self.file.flush()
            os.fsync(self.file.fileno())


class Mails:
    """What the mail server does with what it gets."""

    def __init__(self, log):
        self.log = log

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"):
            return "550 5.1.1 no such user here"
        if address.startswith("busy"):
            return "451 4.2.1 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        self.log.add(
            sender=envelope.mail_from,
            to=envelope.rcpt_tos,
            tls=session.ssl is not None,
            login=session.auth_data.login.decode() if session.auth_data else None,
            headers={name: str(value) for name, value in message.items()},
            text=message.get_content(),
        )
        return "250 kept"


class Mail(Controller):
    """With STARTTLS and a login, which is required where a certificate is given."""

    def factory(self):
        return SMTP(self.handler, **self.SMTP_kwargs)


def mail_server(args):
    options = {}
    if args.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(args.cert, args.key)

        def authenticate(server, session, envelope, mechanism, data):
            good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"sender", args.password.encode())
            return AuthResult(success=good, auth_data=data if good else None)

        options = {
            "tls_context": context,
            "require_starttls": True,
            "auth_required": True,
            "auth_require_tls": True,
            "authenticator": authenticate,
        }
    return Mail(Mails(Log(os.path.join(args.out, "mails.jsonl"))), hostname="127.0.0.1", port=args.smtp, **options)


def hook_server(args):
    log = Log(os.path.join(args.out, "hooks.jsonl"))
    secrets = args.secret

    class Hooks(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            verified = []
            for secret in secrets:
                try:
                    Webhook(secret).verify(body, dict((k.lower(), v) for k, v in self.headers.items()))
                    verified.append(True)
                except Exception as e:  # the reference implementation's own error, in words
                    verified.append(str(e) or type(e).__name__)
            log.add(path=self.path, id=self.headers["webhook-id"], verified=verified, body=json.loads(body))
            self.send_response(204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    return ThreadingHTTPServer(("127.0.0.1", args.hooks), Hooks)


def end_with(parent):
    """A test that was killed leaves nothing behind."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--smtp", type=int, required=True)
    parser.add_argument("--hooks", type=int, required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--password", default="")
    parser.add_argument("--secret", action="append", default=[])
    args = parser.parse_args()
    mail = mail_server(args)
    mail.start()
    hooks = hook_server(args)
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    hooks.serve_forever()


main()
