//! The kinds of fault: their names on the command line, what they do, and which keys they take.

/// At which point of answering a request a fault takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It changes what the credentials are worth.
    Credentials,
    /// It replaces the whole response.
    Replace,
    /// It changes which rows a listing serves.
    Paging,
    /// It changes a finished response.
    Alter,
}

/// The keys that only some faults take, and the values of `form`, the default first.
type OwnKeys = (&'static [&'static str], &'static [&'static str]);

macro_rules! faults {
    ($($stage:ident { $($kind:ident $name:literal [$($key:literal),*] [$($form:literal),*] $about:literal)* })*) => {
        /// What goes wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum FaultKind { $($(#[doc = $about] $kind,)*)* }

        /// The name of every fault and what it does, in one line.
        pub const FAULTS: &[(&str, &str)] = &[$($(($name, $about),)*)*];

        impl FaultKind {
            /// All kinds, in the order of [`FAULTS`].
            pub const ALL: &[Self] = &[$($(Self::$kind,)*)*];

            /// The name on a command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $($(Self::$kind => $name,)*)* }
            }

            /// When it takes effect.
            pub(super) fn stage(self) -> Stage {
                match self { $($(Self::$kind => Stage::$stage,)*)* }
            }

            fn own(self) -> OwnKeys {
                match self { $($(Self::$kind => (&[$($key),*], &[$($form),*]),)*)* }
            }
        }
    };
}

faults! {
    Credentials {
        WrongToken "wrong-token" [] [] "the token is wrong"
        TokenDies "token-dies" [] ["measured", "html-403", "html-401", "json-401", "bare-404", "captcha", "mixed"] "the token stops working after so many requests (after=N, else 10); form: who answers then: measured, html-403, html-401, json-401, bare-404, captcha, or mixed (another one each time)"
        PublicSite "public-site" [] [] "the token is wrong and the site is public: partial data instead of an error"
        MissingScope "missing-scope" ["scope"] [] "the token lacks a scope (scope=NAME, else whatever is needed); at the gateway"
        ScopedOnSite "scoped-on-site" [] [] "a scoped token is sent to the site instead of the gateway"
        NoSpaces "no-spaces" [] [] "the token sees no space"
    }
    Replace {
        IpAllowList "ip-allow-list" [] [] "the caller's address is not on the site's list"
        ViewsRefused "views-refused" [] [] "403 for views: not in the plan (space=ID or KEY: only there)"
        ViewsMissing "views-missing" [] [] "404 for views"
        AnalyticsDown "analytics-down" [] [] "503 for views: the analytics service is down"
        StatesDisabled "states-disabled" [] [] "404 for states: content states are switched off (space=ID or KEY: only there)"
        RouteGone "route-gone" [] [] "410 for the v1 routes, views and states: removed (endpoint=NAME: only that one)"
        RateLimit "rate-limit" ["seconds"] [] "429 with Retry-After (seconds=N, else 1)"
        RateLimitDate "rate-limit-date" ["seconds"] [] "429 with Retry-After as a date (seconds=N from now, else 1)"
        RateLimitReset "rate-limit-reset" ["seconds"] [] "429 with X-RateLimit-Reset only, in whole minutes (seconds=N from now, else 60, rounded down)"
        RateLimitEpoch "rate-limit-epoch" ["seconds"] ["seconds", "milliseconds"] "429 with X-RateLimit-Reset only, as epoch time (seconds=N from now, else 1); form: seconds, milliseconds"
        RateLimitBare "rate-limit-bare" [] [] "429 that does not say how long to wait"
        RateLimitLong "rate-limit-long" [] [] "429 with Retry-After: 1847"
        OddRetryAfter "odd-retry-after" ["seconds", "value", "status"] ["fraction", "unit", "doubled", "two-headers", "rfc850", "asctime", "utc", "negative", "absurd", "empty", "garbage"] "429 (status=N) with an unusual Retry-After (seconds=N from now, else 1; value=TEXT as it is); form: fraction, unit, doubled, two-headers, rfc850, asctime, utc, negative, absurd, empty, garbage"
        BadRequest "400" [] [] "400 in the API's own words"
        Unauthorized "401" [] [] "401 in JSON"
        PaymentRequired "402" [] [] "402: the subscription has ended"
        Forbidden "403" [] [] "403 in JSON: no permission to view this content"
        ProxyAuthentication "407" [] [] "407 from a proxy, in HTML"
        RequestTimeout "408" [] [] "408"
        TooEarly "425" [] [] "425"
        LegalReasons "451" [] [] "451"
        ServerError "500" [] [] "500"
        BadGateway "502" [] [] "502"
        Unavailable "503" ["seconds"] [] "503 (with Retry-After when seconds=N is given)"
        GatewayTimeout "504" [] [] "504"
        TooLargeLimit "too-large-limit" ["limit"] [] "504 for listings while their limit is above limit=N, else 50"
        FalseNotFound "false-404" [] [] "404 with the bare title although nothing is wrong"
        FalseForbidden "false-403" [] [] "403 from the edge although nothing is wrong"
        PageGone "page-gone" [] [] "404 that names the page, for its details"
        PageGoneBare "page-gone-bare" [] [] "404 with the bare title, for a page's details"
        HtmlOk "html-200" [] [] "200 with a login page"
        HtmlNotFound "html-404" [] [] "404 with a page for people"
        HtmlUnauthorized "html-401" [] [] "401 with a page for people"
        HtmlForbidden "html-403" [] ["proxy", "cdn", "login"] "403 with a block page from a box in between; form: proxy, cdn, login"
        EmptyOk "empty-200" [] [] "200 without a body"
        ErrorInOk "error-in-200" ["status"] ["v1", "errors", "message", "error", "no-errors"] "200 with the body of an error (status=N, else 403); form: v1 ({\"statusCode\":…}), errors ({\"errors\":[…]}), message ({\"code\":…,\"message\":…}), error ({\"error\":…}), no-errors ({\"errors\":[]})"
        Redirect "redirect" ["to"] [] "302 to another host (to=URL)"
        SiteRenamed "site-renamed" ["to", "status"] [] "302 (status=N) to the same path at the site's new name (to=ORIGIN, else renamed.atlassian.net)"
        SiteSuspended "site-suspended" ["status"] ["suspended", "deactivated"] "an HTML page: the site is not available (status=N, else 403); form: suspended, deactivated"
        Captcha "captcha" [] [] "403 with X-Seraph-LoginReason: AUTHENTICATION_DENIED: a captcha is due"
        TokensDisabled "tokens-disabled" [] [] "401 with X-Seraph-LoginReason: AUTHENTICATED_FAILED: the organisation does not allow API tokens"
        PasswordRefused "password-refused" [] [] "401: basic authentication with passwords is deprecated"
        GatewayUnauthorized "gateway-401" [] [] "401 in JSON that is not about a scope"
        BadAccount "bad-account" ["account", "status"] [] "400 (status=N) for each batch of users that holds an account (account=ID, else the first of the site)"
        CursorExpires "cursor-expires" ["status"] [] "400 (status=N) for a valid cursor"
    }
    Paging {
        ShortLivedCursors "short-lived-cursors" ["requests", "seconds", "status"] [] "400 (status=N) for a cursor once requests=N more requests came, else 50, or seconds=N passed since it was issued"
        ForeignNext "foreign-next" ["to"] [] "next links lead to another host (to=ORIGIN)"
        CursorCircle "cursor-circle" [] [] "next links lead in a circle"
        EmptyPages "empty-pages" [] [] "nothing but empty pages, each with a new cursor"
        EmptyPage "empty-page" [] [] "one empty page in the middle of each listing"
        ShortPages "short-pages" [] [] "pages with a third of the rows asked for"
        NoNextButLink "no-next-but-link" [] [] "the next link is in the Link header only"
        Unsorted "unsorted" [] [] "sort=-modified-date is ignored"
    }
    Alter {
        NearLimit "near-limit" [] [] "a good answer with X-RateLimit-NearLimit: true"
        NoLinks "no-links" [] ["one-header", "two-headers", "unquoted", "other-order", "absolute", "absent"] "no _links in a listing's body; form of the Link header: one-header, two-headers, unquoted, other-order (parameters before rel, several relations), absolute, absent"
        AbsoluteLinks "absolute-links" [] ["webui", "base-slash"] "form: webui (absolute webui links), base-slash (_links.base ends in a slash)"
        OddNumbers "odd-numbers" [] ["decimal", "exponent", "text"] "numbers in other spellings; form: decimal (12.0), exponent (1.2e1), text (\"12\")"
        OddTimes "odd-times" ["row"] ["epoch", "epoch-text", "offset", "no-milliseconds", "date", "empty", "garbage"] "times in other spellings (row=N: only in that row); form: epoch, epoch-text, offset (+0000), no-milliseconds, date, empty, garbage"
        OddTexts "odd-texts" [] ["surrogate", "invalid-utf8", "nul"] "titles, names and messages with what is no text; form: surrogate (a lone one), invalid-utf8, nul"
        ByteOrderMark "bom" [] [] "the body begins with a byte order mark"
        UnreadField "unread-field" ["bytes"] ["deep", "number", "contributors", "surrogate", "invalid-utf8", "padding"] "each row has a field that nobody reads; form: deep (200 levels), number (1e400), contributors (850 ids), surrogate, invalid-utf8, padding (so that the answer has bytes=N, else 11 MiB)"
        SetField "set-field" ["field", "value", "row"] [] "a field of each row (row=N: only that one) is something else (field=NAME.NAME, value=JSON, commas written %2C)"
        DropField "drop-field" ["field", "row"] [] "a field of each row (row=N: only that one) is missing (field=NAME.NAME)"
        StateWithoutName "state-without-name" [] [] "a content state has no name"
        RowWithoutKey "row-without-key" ["row"] [] "a row (row=N, else the first) has no key"
        UnrequestedUser "unrequested-user" [] [] "users-bulk answers with an account more than was asked for"
        TruncatedJson "truncated-json" [] [] "the body ends in the middle, the message does not"
        WrongTypes "wrong-types" ["shape"] [] "numbers where text belongs (shape=number), or rows as an object (shape=object)"
        Damage "damage" ["seed", "one-in"] ["any", "member", "body"] "a random part of the answer is damaged, for the same request always the same (seed=N; one-in=N: only every Nth request, chosen at random); form: any, member (deleted, null, another type), body (cut, a byte replaced)"
        HugeBody "huge-body" [] [] "a body of 200 MiB"
        Drip "drip" [] [] "a byte every 200 ms, without end"
        Stall "stall" [] [] "the headers and then nothing"
        Hang "hang" [] [] "no answer at all"
        ResetBefore "reset-before" [] [] "the connection is reset before the answer"
        ResetWithin "reset-within" [] [] "the connection is reset within the body"
        CloseBefore "close-before" [] [] "the connection is closed before the answer"
        CloseOnReuse "close-on-reuse" [] [] "the connection is closed when it is used a second time"
        Cut "cut" ["bytes"] ["length", "chunked", "no-length"] "the connection is closed within the body (bytes=N, else half); form: length (Content-Length says more), chunked (no last chunk), no-length (nothing tells)"
        NoLength "no-length" [] [] "a whole answer whose length nothing tells: the connection closes behind it"
        H2NoError "h2-no-error" ["bytes"] [] "RST_STREAM(NO_ERROR) within the body (bytes=N, else half); HTTP/2 only, else as cut:form=chunked"
        Chunked "chunked" ["bytes"] [] "the body in chunks of bytes=N, else 7"
        Gzip "gzip" [] [] "the body compressed although nobody asked for it"
    }
}

impl FaultKind {
    /// Whether the fault makes up the whole answer.
    pub(super) fn is_whole_answer(self) -> bool {
        self.stage() == Stage::Replace
    }

    /// The keys that only this fault takes.
    pub(super) fn own_keys(self) -> &'static [&'static str] {
        self.own().0
    }

    /// The values that `form` can have, the default first.
    pub(super) fn forms(self) -> &'static [&'static str] {
        self.own().1
    }
}
