// Names and small texts out of other people's files: entries of archives, links on pages, instants,
// tag files of bags, keys and signatures of minisign.
#include "base/utf8.h"
#include "format/archive/bag/bag_text.h"
#include "format/archive/unpack/entry_name.h"
#include "format/container/minisign/minisign.h"
#include "format/document/body/html_tokens.h"
#include "format/document/body/links.h"
#include "format/instant.h"
#include "format/text.h"
#include "fuzz/input.h"

namespace {

using namespace perdure;
using namespace perdure::format;

void names(std::string_view text) {
    auto const safe = safe_file_name(text);
    PD_ASSERT(!safe.empty() && safe.size() <= 120 && is_utf8(safe));
    PD_ASSERT(safe.find_first_of("/\\:*?\"<>|") == safe.npos && safe[0] != '.');
    PD_ASSERT(!safe.ends_with('.') && !safe.ends_with(' '));
    PD_ASSERT(safe_file_name(safe) == safe);
    PD_ASSERT(is_utf8(repair_utf8(text)));
    if (auto const name = checked_name(text)) {
        auto const again = checked_name(*name);
        PD_ASSERT(again && *again == *name);
        PD_ASSERT(folded_name(folded_name(*name)) == folded_name(*name));
        NameCollisions collisions;
        PD_ASSERT(collisions.add(*name) && !collisions.add(*name));
    }
}

void links(std::string_view text) {
    auto const link = read_link(text);
    if (link.kind == LinkKind::outside) {
        PD_ASSERT(link.address.find_first_of("\"<> \n") == std::string::npos);
        auto const again = read_link(link.address);
        PD_ASSERT(again.kind == LinkKind::outside && again.address == link.address);
    }
    PD_ASSERT(!decoded_path(text).starts_with("../"));
    PD_ASSERT(decoded_path(url_path("x" + std::string(text))) == "x" + std::string(text));
    std::string out;
    decode_entities(out, text);
    PD_ASSERT(out.size() <= text.size() * 2 + 8);
}

void instants(std::string_view text) {
    auto const instant = read_instant(text);
    if (!instant) return;
    PD_ASSERT(instant->second < 86'400);
    auto const spelt = exact_rfc3339({instant->day * 86'400 + instant->second, 0});
    if (!spelt.empty()) PD_ASSERT(text.starts_with(spelt.substr(0, 10)));
}

void bags(fuzz::Input input) {
    constexpr std::string_view encodings[] = {"UTF-8", "utf-16", "ISO-8859-1", "US-ASCII", "x"};
    auto const encoding = encodings[input.byte() % std::size(encodings)];
    auto const text = decode_tag_file(input.rest(), encoding);
    if (!text) return;
    PD_ASSERT(is_utf8(*text));
    for (auto const& line : bag_lines(*text)) {
        PD_ASSERT(!line.empty() && line.find_first_of("\r\n") == line.npos);
        PD_ASSERT(decode_bag_path(line).size() <= line.size());
        static_cast<void>(normal_name(line));
    }
}

void minisign_files(fuzz::Input input) {
    auto const text = input.rest_as_text();
    if (auto const key = MinisignPublicKey::parse(text)) {
        auto const again = MinisignPublicKey::parse(key->file());
        PD_ASSERT(again && *again == *key);
        auto const line = MinisignPublicKey::parse(key->line());
        PD_ASSERT(line && *line == *key);
    }
    if (auto const signature = MinisignSignature::parse(text)) {
        PD_ASSERT(signature->trusted.find('\n') == std::string::npos);
        PD_ASSERT(!signature->verify({.id = signature->id, .key = {}}, {}));
    }
    if (auto const key = MinisignKey::parse(text, {})) {
        auto const again = MinisignKey::parse(key->file(), {});
        PD_ASSERT(again && again->open() == key->open());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    fuzz::Input input(data, size);
    switch (input.byte() % 5) {
        case 0:
            names(input.rest_as_text());
            break;
        case 1:
            links(input.rest_as_text());
            break;
        case 2:
            instants(input.rest_as_text());
            break;
        case 3:
            bags(input);
            break;
        default:
            minisign_files(input);
    }
    return 0;
}
