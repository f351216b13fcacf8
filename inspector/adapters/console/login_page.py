"""The page that asks who somebody is. It works without scripts, and before anything else may be read."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final, NamedTuple
from urllib.parse import urlencode

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse

LOGIN_PATH: Final = "/login"
LOGOUT_PATH: Final = "/logout"
SIGN_ON_PATH: Final = "/login/oidc"
RETURN_PATH: Final = "/login/oidc/return"
STYLE_PATH: Final = "/login.css"
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "Referrer-Policy": "same-origin",  # without a referrer, browsers send the form as from the origin "null"
    "X-Content-Type-Options": "nosniff",
}
STYLE: Final = """\
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { display: grid; place-items: center; min-height: 100vh; margin: 0; }
main { width: min(24rem, 90vw); }
label, input, button { display: block; width: 100%; box-sizing: border-box; }
input, button { font: inherit; min-height: 44px; margin: 0 0 1rem; padding: 0 .75rem; }
code { user-select: all; }
.button { display: block; padding: .6rem .75rem; border: 1px solid; border-radius: 3px; text-align: center; }
[role=alert] { font-weight: bold; }
small { display: block; }
"""
PAGE: Final = """\
<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>inspector</title>
<link rel="stylesheet" href="{style}">
</head>
<body><main><h1>inspector</h1>
{body}
</main></body>
</html>
"""
FORM: Final = """\
{alert}<form method="post" action="{action}">
<input type="hidden" name="next" value="{next}">
<label for="name">{user}</label>
<input id="name" name="name" autocomplete="username" autocapitalize="none" required autofocus>
<label for="password">{password}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>{log_in}</button>
</form>
<small>{no_account}<br><code>{command}</code></small>"""
BUTTON: Final = '\n<form method="post" action="{action}"><button>{text}</button></form>'
# no form: the policy for forms also applies to where they are redirected, and the provider is another site
LINK: Final = '\n<p><a class="button" href="{href}">{text}</a></p>'
GO_ON: Final = """\
<meta http-equiv="refresh" content="0; url={next}">
<p><a href="{next}">{go_on}</a></p>"""
COMMAND: Final = "inspector user add NAME --role admin"


class LoginTexts(NamedTuple):
    """The page's texts in one language. `refusals` replace the service's own sentences, by status."""

    user: str
    password: str
    log_in: str
    log_out: str
    sign_on: str
    go_on: str
    no_account: str
    no_users: str
    refusals: Mapping[int, str]


ENGLISH: Final = LoginTexts(
    user="User",
    password="Password",
    log_in="Log in",
    log_out="Log out",
    sign_on="Log in with the plant's account",
    go_on="Go on",
    no_account="No account? An administrator adds one at {address}/admin/users. On the machine of the service:",
    no_users="nobody can log in yet; run on the machine of the service:",
    refusals={},
)
KOREAN: Final = LoginTexts(
    user="사용자",
    password="비밀번호",
    log_in="로그인",
    log_out="로그아웃",
    sign_on="회사 계정으로 로그인",
    go_on="계속",
    no_account="계정이 없습니까? 관리자가 {address}/admin/users 에서 추가합니다. 서비스가 실행되는 컴퓨터에서는:",
    no_users="아직 로그인할 수 있는 사용자가 없습니다. 서비스가 실행되는 컴퓨터에서 다음을 실행하십시오:",
    refusals={
        401: "사용자 또는 비밀번호가 올바르지 않습니다.",
        429: "로그인 실패가 너무 많습니다. 잠시 후 다시 시도하십시오.",
    },
)
LANGUAGES: Final = {"en": ENGLISH, "ko": KOREAN}


class LoginVisit(NamedTuple):
    """What the page depends on: the console's address as the browser knows it, and the browser's language."""

    address: str
    language: str

    @classmethod
    def of(cls, request: HTTPConnection) -> LoginVisit:
        wished = (each.strip()[:2].lower() for each in request.headers.get("accept-language", "").split(","))
        address = f"{request.url.scheme}://{request.headers.get('host', '')}"
        return cls(address, next((each for each in wished if each in LANGUAGES), "en"))

    @property
    def texts(self) -> LoginTexts:
        return LANGUAGES[self.language]


def login_form(
    visit: LoginVisit,
    next_path: str,
    problem: str = "",
    status: int = 200,
    *,
    logs_out: bool = False,
    signs_on: bool = False,
) -> HTMLResponse:
    """Return the form, with what was wrong about the last try, and buttons for what else can be done."""
    texts, wanted = visit.texts, escape(own_path(next_path))
    said = texts.refusals.get(status, problem) if problem else ""
    form = FORM.format(
        alert=f'<p role="alert">{escape(said)}</p>\n' if said else "",
        action=LOGIN_PATH,
        next=wanted,
        user=texts.user,
        password=texts.password,
        log_in=texts.log_in,
        no_account=escape(texts.no_account.format(address=visit.address)),
        command=COMMAND,
    )
    if signs_on:
        href = f"{SIGN_ON_PATH}?{urlencode({'next': own_path(next_path)})}"
        form += LINK.format(href=escape(href), text=escape(texts.sign_on))
    if logs_out:
        form += BUTTON.format(action=LOGOUT_PATH, text=texts.log_out)
    return _page(form, status, visit.language)


def signed_on_page(visit: LoginVisit, next_path: str) -> HTMLResponse:
    """Return a page that leads on. A redirect would not: browsers keep a strict cookie from what another site began."""
    body = GO_ON.format(next=escape(own_path(next_path)), go_on=visit.texts.go_on)
    return _page(body, 200, visit.language)


def no_users_page(visit: LoginVisit) -> HTMLResponse:
    """Return the page of a service that nobody can log in to yet."""
    return _page(f"<p>{visit.texts.no_users}</p>\n<p><code>{COMMAND}</code></p>", 401, visit.language)


def own_path(path: str) -> str:
    """Return the path if it is one of this console, else the first page: a link to the login must lead nowhere else."""
    is_own = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if is_own else "/"


def _page(body: str, status: int, language: str) -> HTMLResponse:
    return HTMLResponse(PAGE.format(style=STYLE_PATH, body=body, language=language), status, HEADERS)
