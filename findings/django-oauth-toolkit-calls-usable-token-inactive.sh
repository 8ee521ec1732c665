#!/usr/bin/env bash
# Finding: django-oauth-toolkit's introspection endpoint says active: false of a refresh token that it accepts one
# request later.
#
# Parts: django-oauth-toolkit 3.4.1, Django 5.2.8, in process with an SQLite database in memory. Needs Python 3.10 or
# newer.
# Input: a confidential client exchanges a code, introspects both of its tokens (the refresh token also with
# token_type_hint=refresh_token), then refreshes.
# Expected: active: true for both. Section 2.1 of RFC 7662 lets a client ask about refresh tokens as well as access
# tokens, and the hint says which of them it asks about.
# Observed: the refresh token is inactive with and without the hint, and the refresh that follows succeeds. A client
# that asks whether a refresh token was spent, for instance after a lost response, takes a living grant for a dead one.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check Django==5.2.8 django-oauth-toolkit==3.4.1

cat > server.py <<'EOF'
import sys
from base64 import b64encode
from datetime import timedelta

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="not a secret " * 5,
    ALLOWED_HOSTS=["testserver"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    OAUTH2_PROVIDER={"SCOPES": {"read": "Read"}},
)
django.setup()

from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import include, path
from django.utils import timezone
from oauth2_provider.models import Application, Grant

urlpatterns = [path("", include("oauth2_provider.urls"))]
call_command("migrate", verbosity=0)
callback, verifier = "https://client.example/callback", "v" * 43
user = User.objects.create_user("user")
application = Application.objects.create(
    user=user,
    client_id="client",
    client_secret="secret",
    client_type=Application.CLIENT_CONFIDENTIAL,
    authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
    redirect_uris=callback,
)
Grant.objects.create(
    user=user,
    application=application,
    code="code",
    expires=timezone.now() + timedelta(minutes=1),
    redirect_uri=callback,
    scope="read",
    code_challenge=verifier,
    code_challenge_method="plain",
)
client = Client(headers={"authorization": "Basic " + b64encode(b"client:secret").decode()})


def active(token, **hint):
    return client.post("/introspect/", {"token": token, **hint}).json()["active"]


tokens = client.post("/token/", {
    "grant_type": "authorization_code", "code": "code", "redirect_uri": callback, "code_verifier": verifier,
}).json()
access = active(tokens["access_token"])
refresh = active(tokens["refresh_token"])
hinted = active(tokens["refresh_token"], token_type_hint="refresh_token")
status = client.post("/token/", {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}).status_code

print("django-oauth-toolkit 3.4.1")
print("expected: access token and refresh token active")
print(f"observed: access token active={access}, refresh token active={refresh}, with the hint active={hinted}")
print(f"observed: the refresh that follows answers {status}")
if not access or refresh or hinted or status != 200:
    print("CHANGED: introspection and refresh agree")
    sys.exit(1)
print("STILL SO: introspection called a usable refresh token inactive")
EOF
timeout 120 venv/bin/python server.py
