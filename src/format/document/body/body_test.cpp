#include "format/document/body/body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libxml/parser.h>

#include <chrono>
#include <memory>

#include "format/document/body/links.h"

namespace perdure::format {
namespace {

using testing::HasSubstr;
using testing::Not;

bool well_formed(std::string const& markup) {
    auto const document = "<div>" + markup + "</div>";
    std::unique_ptr<xmlDoc, void (*)(xmlDoc*)> const parsed(
        xmlReadMemory(document.data(), static_cast<int>(document.size()), nullptr, "UTF-8",
                      XML_PARSE_NONET | XML_PARSE_HUGE | XML_PARSE_NOERROR),
        xmlFreeDoc);
    return parsed != nullptr;
}

std::string safe(std::string_view body, std::string_view format,
                 BodyOptions options = {.markup = Markup::xhtml, .id_prefix = "r1."}) {
    auto const result = safe_body(body, format, options);
    EXPECT_TRUE(well_formed(result.markup)) << result.markup.substr(0, 2000);
    return result.markup;
}

TEST(SafeBody, MarkdownKeepsWhatPeopleWrite) {
    auto const markup = safe(
        "# Title\n\nSome *soft* and **loud** words, ~~gone~~.\n\n| a | b |\n|---|--:|\n| 1 | 2 "
        "|\n\n"
        "- [x] done\n- [ ] open\n\n```cpp\nint a < b;\n```\n\nSee https://example.org/a?b=c&d\n",
        "markdown");
    EXPECT_THAT(markup, HasSubstr("<h2>Title</h2>"));
    EXPECT_THAT(markup, HasSubstr("<em>soft</em> and <strong>loud</strong>"));
    EXPECT_THAT(markup, HasSubstr("<del>gone</del>"));
    EXPECT_THAT(markup, HasSubstr("<td class=\"align-right\">2</td>"));
    EXPECT_THAT(markup, HasSubstr("☑ done"));
    EXPECT_THAT(markup, HasSubstr("<code class=\"language-cpp\">int a &lt; b;"));
    EXPECT_THAT(markup, HasSubstr("href=\"https://example.org/a?b=c&amp;d\""));
}

TEST(SafeBody, PlainTextBecomesParagraphs) {
    EXPECT_EQ(safe("one <b>\ntwo\n\n\nthree & four", "text"),
              "<p>one &lt;b&gt;<br/>two</p>\n<p>three &amp; four</p>\n");
    EXPECT_EQ(safe("", "text"), "");
}

TEST(SafeBody, NothingThatRunsLoadsOrStylesRemains) {
    for (std::string_view const hostile :
         {"<script>alert(1)</script>",
          "<SCRIPT SRC=//evil.example/x.js></SCRIPT >",
          "<img src=x onerror=alert(1)>",
          "<svg onload=alert(1)><script>alert(1)</script></svg>",
          "<a href=\"javascript:alert(1)\">x</a>",
          "<a href=\"jav&#x09;ascript:alert(1)\">x</a>",
          "<a href=\" \x01JaVaScRiPt:alert(1)\">x</a>",
          "<a href='vbscript:x'>x</a>",
          "<a href=\"data:text/html,<script>alert(1)</script>\">x</a>",
          "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
          "<object data=x></object>",
          "<embed src=x>",
          "<form action=javascript:alert(1)><button formaction=javascript:1>",
          "<base href=//evil.example>",
          "<meta http-equiv=refresh content=0;url=//evil.example>",
          "<style>@import url(//evil.example)</style>",
          "<p style=\"background:url(//evil)\">x</p>",
          "<math><mtext><script>alert(1)</script></mtext></math>",
          "<link rel=stylesheet href=//x>",
          "<img src=\"https://evil.example/pixel.gif\">",
          "<a href=//evil.example>x</a>",
          "<svg><a xlink:href=\"javascript:alert(1)\"><text>x</text></a></svg>",
          "<template><script>alert(1)</script></template>",
          "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
          "<textarea></textarea><script>alert(1)</script>",
          "<scr<script>ipt>alert(1)</script>"}) {
        for (auto const* format : {"html", "markdown"}) {
            auto const markup = safe(hostile, format);
            for (auto const* never : {"<script",  "<svg",     "<img",    "<iframe",  "<object",
                                      "<embed",   "<form",    "<base",   "<meta",    "<style",
                                      "<link",    " on",      "style=",  "href=\"j", "href=\"d",
                                      "href=\"v", "href=\"/", "srcdoc=", "<math",    "<button",
                                      "<template"}) {
                EXPECT_THAT(markup, Not(HasSubstr(never))) << format << ": " << hostile;
            }
        }
    }
}

TEST(SafeBody, TellsWhatWasTakenOut) {
    auto const body =
        safe_body("<script>a</script><p onclick=b style=c>text</p><script>d</script>", "html", {});
    EXPECT_THAT(body.removed,
                testing::ElementsAre("2 × script element", "event handler", "style attribute"));
    EXPECT_EQ(body.plain, "text");
}

TEST(SafeBody, TextOfUnknownAndUnclosedThingsStays) {
    EXPECT_THAT(safe("<blink>old</blink> <x-y>new</x-y>", "html"), HasSubstr("old new"));
    EXPECT_THAT(safe("before <!-- never closed", "html"), HasSubstr("&lt;!-- never closed"));
    EXPECT_THAT(safe("a <script>never closed", "html"), HasSubstr("never closed"));
    EXPECT_THAT(safe("a <a href=\"never closed", "html"), HasSubstr("never closed"));
    EXPECT_THAT(safe("1 < 2 && 3 > 2 &amp; &euro; &unknown; &#x41;", "html"),
                HasSubstr("1 &lt; 2 &amp;&amp; 3 &gt; 2 &amp; € &amp;unknown; A"));
    EXPECT_THAT(safe("<div>kept</div>\n\ntext", "markdown"), HasSubstr("kept"));
}

TEST(SafeBody, BrokenNestingIsMended) {
    EXPECT_EQ(safe("<p>a<div>b</p>c</div>", "html"), "<p>a</p>\n<div>bc</div>\n");
    EXPECT_EQ(safe("<li>alone", "html"), "<ul><li>alone</li>\n</ul>\n");
    EXPECT_EQ(safe("<td>cell</td>", "html"), "<p>cell</p>\n");
    EXPECT_EQ(safe("<table>loose<tr><td>a", "html"),
              "<table><tr><td>loose</td></tr>\n<tr><td>a</td></tr>\n</table>\n");
    EXPECT_EQ(safe("<b><i>x</b>y</i>", "html"), "<p><b><i>x</i></b>y</p>\n");
    EXPECT_THAT(safe("<h1>a</h1><h4>b</h4>", "html"), HasSubstr("<h3>b</h3>"));
    EXPECT_THAT(safe("<a href=https://a.example>x<a href=https://b.example>y", "html"),
                HasSubstr("x</a><a href=\"https://b.example\""));
}

TEST(SafeBody, IdsAreUniqueAndLinksToThemLead) {
    auto const markup =
        safe("<p id=a>x</p><p id=a>y</p><a href=#a>to a</a><a href=#b>nowhere</a>", "html");
    EXPECT_THAT(markup, HasSubstr("<p id=\"r1.a\">x</p>\n<p>y</p>"));
    EXPECT_THAT(markup, HasSubstr("href=\"#r1.a\""));
    EXPECT_THAT(markup, HasSubstr("<a>nowhere</a>"));
    auto const notes = safe("word[^1]\n\n[^1]: the note\n", "markdown");
    EXPECT_THAT(notes, HasSubstr("href=\"#r1.fn-1\""));
    EXPECT_THAT(notes, HasSubstr("id=\"r1.fn-1\""));
}

TEST(SafeBody, PicturesOfTheRecordStayOthersBecomeLinks) {
    BodyOptions options{.markup = Markup::xhtml};
    options.local = [](std::string_view address) -> std::optional<std::string> {
        if (address == "photos/cat.jpg") return "../media/cat.jpg";
        return std::nullopt;
    };
    EXPECT_THAT(safe("![a cat](photos/cat.jpg)", "markdown", options),
                HasSubstr("<img src=\"../media/cat.jpg\" alt=\"a cat\""));
    EXPECT_THAT(safe("![a dog](photos/dog.jpg)", "markdown", options), HasSubstr("[a dog]"));
    EXPECT_THAT(safe("![far](https://a.example/x.png)", "markdown", options),
                HasSubstr("<a href=\"https://a.example/x.png\""));
}

TEST(SafeBody, DepthIsBoundedAndNothingDeepIsLost) {
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += "<div><b>";
    auto const markup = safe(deep + "bottom", "html");
    EXPECT_THAT(markup, HasSubstr("bottom"));
    EXPECT_LT(markup.size(), 2000U);
    EXPECT_THAT(safe(std::string(100'000, '>') + " bottom", "markdown"), HasSubstr("bottom"));
}

TEST(SafeBody, HostileLengthTakesLinearTime) {
    std::string unclosed, stray, half;
    for (int i = 0; i < 200'000; ++i) unclosed += "<b><a href=";
    for (int i = 0; i < 300'000; ++i) stray += "<i></b>";
    for (int i = 0; i < 300'000; ++i) half += "<a \"<!--";
    auto const start = std::chrono::steady_clock::now();
    for (auto const* hostile : {&unclosed, &stray, &half}) safe(*hostile, "html");
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(SafeBody, ControlsAndBadBytesAreShownAndReported) {
    using namespace std::string_view_literals;
    auto const body = safe_body("a\0b\x1b \xff end\r\nnext"sv, "text", {});
    EXPECT_THAT(body.markup, HasSubstr("a␀b␛ \xef\xbf\xbd end<br>next"));
    EXPECT_TRUE(body.flaws.controls);
    EXPECT_TRUE(body.flaws.bad_utf8);
}

TEST(SafeBody, PiecesAreWellFormedAlone) {
    std::string text = "<div><ul>";
    for (int i = 0; i < 20'000; ++i) text += "<li>item <b>bold " + std::to_string(i) + "</b></li>";
    text += "</ul></div><p>" + std::string(500'000, 'x') + "</p>";
    auto const body = safe_body(text, "html", {.markup = Markup::xhtml, .piece_bytes = 100'000});
    ASSERT_GT(body.cuts.size(), 5U);
    std::size_t from = 0;
    auto cuts = body.cuts;
    cuts.push_back(body.markup.size());
    for (auto const cut : cuts) {
        EXPECT_TRUE(well_formed(body.markup.substr(from, cut - from))) << from;
        EXPECT_LT(cut - from, 140'000U);
        from = cut;
    }
}

TEST(Links, OnlySchemesThatCannotRunPass) {
    EXPECT_EQ(read_link("https://example.org/a b").address, "https://example.org/a%20b");
    EXPECT_EQ(read_link("HTTPS://example.org").kind, LinkKind::outside);
    EXPECT_EQ(read_link("mailto:a@b.example").kind, LinkKind::outside);
    EXPECT_EQ(read_link("photos/a.jpg").kind, LinkKind::local);
    EXPECT_EQ(read_link("#x").kind, LinkKind::fragment);
    for (auto const* bad :
         {"javascript:x", "java\nscript:x", "\x01javascript:x", "data:x", "file:///x", "vbscript:x",
          "//host", "\\\\host", "http:x", "http://", "blob:x", ""}) {
        EXPECT_EQ(read_link(bad).kind, LinkKind::none) << bad;
    }
}

}  // namespace
}  // namespace perdure::format
