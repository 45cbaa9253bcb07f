"""Two hundred names that would run, break out or be filled in, were they ever taken for more than text.

Each tries to set ``window.ran``; a page on which it is set has run one of them.
"""

from itertools import product

_RUN = "window.ran=1"
_ELEMENTS = (
    "<img src=x onerror={run}>",
    "<svg onload={run}>",
    "<svg><script>{run}</script></svg>",
    "<script>{run}</script>",
    "<body onload={run}>",
    "<iframe srcdoc='<script>parent.{run}</script>'>",
    "<details open ontoggle={run}>",
    "<input autofocus onfocus={run}>",
    "<a href='javascript:{run}'>a</a>",
    "<video><source onerror={run}></video>",
    "<style>@import 'javascript:{run}'</style>",
    "<object data='javascript:{run}'>",
    "<math href='javascript:{run}'>m</math>",
    "<link rel=stylesheet href='data:text/css,*{{}}' onload={run}>",
    "<marquee onstart={run}>",
    "<base href='//example.invalid/'>",
)
_BREAKS = (
    "",
    '">',
    "'>",
    "</script>",
    "-->",
    "</title>",
    "</textarea>",
    "]]>",
    "</style>",
    "</option></select>",
)
_FILLED_IN = (
    "${{{run}}}",
    "`${{{run}}}`",
    "{{{{ {run} }}}}",
    "{{% if 1 %}}{run}{{% endif %}}",
    "{{# {run} #}}",
    "#{{{run}}}",
    "<%= {run} %>",
    "%({run})s",
    "%s%n{run}",
    "{{0.__class__}}{run}",
    "';{run};//",
    '";{run};//',
    "\\u003cimg src=x onerror={run}\\u003e",
    "&lt;img src=x onerror={run}&gt;",
    "&#60;img src=x onerror={run}&#62;",
    "%3Cimg%20src=x%20onerror={run}%3E",
    "javascript:{run}",
    "data:text/html,<script>{run}</script>",
    "\u202e<img src=x onerror={run}>\u202c",
    "\u2028{run}\u2029",
    '=HYPERLINK("javascript:{run}")',
    "@SUM(1)|{run}",
    "__proto__",
    "constructor",
    "toString",
    "' OR 1=1 --",
    "'; DROP TABLE compounds; --",
    "../../etc/passwd",
    "a%00<script>{run}</script>",
    "名<ruby>{run}<rt onclick={run}>拼</ruby>",
    "<<script>{run}//<</script>",
    "<scr<script>ipt>{run}</scr</script>ipt>",
    "<IMG SRC=x ONERROR={run}>",
    "<img/src=x/onerror={run}>",
    "<img src=`x`onerror={run}>",
    "＜img src=x onerror={run}＞",
    'a"onmouseover="{run}',
    "a'onmouseover='{run}",
    "a\tonfocus={run}\tautofocus",
    "</p><p onclick={run}>",
)

#: 160 elements behind what might end the place they are in, and 40 of other kinds.
NAMES = tuple(
    [stop + element.format(run=_RUN) for stop, element in product(_BREAKS, _ELEMENTS)]
    + [text.format(run=_RUN) for text in _FILLED_IN]
)
