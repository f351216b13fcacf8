"""The page that asks who somebody is. It works without scripts, and before anything else may be read."""

from __future__ import annotations

from html import escape
from typing import Final

from starlette.responses import HTMLResponse

LOGIN_PATH: Final = "/login"
LOGOUT_PATH: Final = "/logout"
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
[role=alert] { font-weight: bold; }
"""
PAGE: Final = """\
<!doctype html>
<html lang="en">
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
<label for="name">User</label>
<input id="name" name="name" autocomplete="username" autocapitalize="none" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Log in</button>
</form>"""


def login_form(next_path: str, problem: str = "", status: int = 200, *, logs_out: bool = False) -> HTMLResponse:
    """Return the form, with what was wrong about the last try, and a button that ends a login."""
    alert = f'<p role="alert">{escape(problem)}</p>\n' if problem else ""
    form = FORM.format(alert=alert, action=LOGIN_PATH, next=escape(own_path(next_path)))
    end = f'\n<form method="post" action="{LOGOUT_PATH}"><button>Log out</button></form>' if logs_out else ""
    return _page(form + end, status)


def no_users_page(text: str) -> HTMLResponse:
    """Return the page of a service that nobody can log in to yet."""
    problem, _, command = text.rpartition(": ")
    return _page(f"<p>{escape(problem)}:</p>\n<p><code>{escape(command)}</code></p>", 401)


def own_path(path: str) -> str:
    """Return the path if it is one of this console, else the first page: a link to the login must lead nowhere else."""
    is_own = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if is_own else "/"


def _page(body: str, status: int) -> HTMLResponse:
    return HTMLResponse(PAGE.format(style=STYLE_PATH, body=body), status, HEADERS)
