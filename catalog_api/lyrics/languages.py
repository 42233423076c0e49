"""Languages as files of lyrics name them, and as the rest of Segue does (ISO 639-1)."""

import re

UNKNOWN = "und"  # ISO 639-2's word for a language that nobody has told; in the tables it is ""

_CODES = {
    "ar": "arabic العربية",
    "bg": "bulgarian български",
    "bn": "bengali বাংলা",
    "ca": "catalan català",
    "cs": "czech čeština",
    "cy": "welsh cymraeg",
    "da": "danish dansk",
    "de": "german deutsch",
    "el": "greek ελληνικά",
    "en": "english",
    "es": "spanish español castellano",
    "et": "estonian eesti",
    "eu": "basque euskara",
    "fa": "persian farsi فارسی",
    "fi": "finnish suomi",
    "fr": "french français francais",
    "ga": "irish gaeilge",
    "gl": "galician galego",
    "he": "hebrew עברית",
    "hi": "hindi हिन्दी",
    "hr": "croatian hrvatski",
    "hu": "hungarian magyar",
    "id": "indonesian",
    "is": "icelandic íslenska",
    "it": "italian italiano",
    "ja": "japanese 日本語",
    "ko": "korean 한국어",
    "la": "latin",
    "lt": "lithuanian lietuvių",
    "lv": "latvian latviešu",
    "mi": "maori māori",
    "ms": "malay",
    "nb": "norwegian norsk bokmål",
    "nl": "dutch nederlands flemish",
    "pl": "polish polski",
    "pt": "portuguese português",
    "ro": "romanian română",
    "ru": "russian русский",
    "sk": "slovak slovenčina",
    "sl": "slovenian slovene slovenščina",
    "sq": "albanian shqip",
    "sr": "serbian српски srpski",
    "sv": "swedish svenska",
    "sw": "swahili kiswahili",
    "ta": "tamil தமிழ்",
    "te": "telugu తెలుగు",  # codespell:ignore te
    "th": "thai ไทย",
    "tl": "tagalog filipino",
    "tr": "turkish türkçe",
    "uk": "ukrainian українська",
    "ur": "urdu اردو",
    "vi": "vietnamese",
    "yi": "yiddish ייִדיש",
    "zh": "chinese mandarin 中文",
    "zu": "zulu",
}
_NAMED = {name: code for code, names in _CODES.items() for name in names.split()}
_CODE = re.compile(r"([a-z]{2})([-_][a-z0-9-_]+)?")


def code_of(told: str) -> str:
    """The two letters of a language that is told by name or code; "" where it is not understood.

    >>> code_of("German"), code_of("pt-BR"), code_of("Klingon")
    ('de', 'pt', '')
    """
    word = told.strip().lower()
    if word in _NAMED:
        return _NAMED[word]
    code = _CODE.fullmatch(word)
    return code[1] if code else ""
