#include "format/container/age/age_header.h"

#include <algorithm>

#include "crypto/derive.h"
#include "crypto/hash.h"

namespace perdure::format {

namespace {

constexpr std::string_view version_line = "age-encryption.org/v1\n";
constexpr std::size_t columns = 64;

Error bad(std::string what) {
    return fail(Fault::corrupt, "the age header is damaged: " + std::move(what));
}

/// Cuts the next line off; an empty result means that there is none that ends.
Result<std::string_view> take_line(std::string_view& rest) {
    auto const end = rest.find('\n');
    if (end == rest.npos) return bad("it ends within a line");
    auto const line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return line;
}

Result<std::vector<std::string>> words_of(std::string_view text) {
    std::vector<std::string> words;
    while (true) {
        auto const word = text.substr(0, text.find(' '));
        if (word.empty()) return bad("an empty word in a recipient line");
        if (!std::ranges::all_of(word, [](char c) { return c > ' ' && c <= '~'; })) {
            return bad("a character that may not stand in a recipient line");
        }
        words.emplace_back(word);
        if (word.size() == text.size()) return words;
        text.remove_prefix(word.size() + 1);
    }
}

/// Lines of 64 columns, ended by a shorter one, which may be empty.
Result<Bytes> take_body(std::string_view& rest) {
    std::string text;
    while (true) {
        PD_TRY(auto const line, take_line(rest));
        if (line.size() > columns) return bad("a body line longer than 64 columns");
        text += line;
        if (line.size() < columns) break;
    }
    auto body = from_base64_bare(text);
    if (!body) return bad("a recipient's body is no base64");
    return body;
}

}  // namespace

std::string to_base64_bare(ByteView bytes) {
    auto text = to_base64(bytes);
    text.resize(text.find_last_not_of('=') + 1);
    return text;
}

Result<Bytes> from_base64_bare(std::string_view text) {
    std::string padded(text);
    if (padded.find('=') != padded.npos) return fail(Fault::invalid, "padded base64");
    padded.resize((padded.size() + 3) / 4 * 4, '=');
    PD_TRY(auto bytes, from_base64(padded));
    if (to_base64_bare(bytes) != text) return fail(Fault::invalid, "base64 that is not canonical");
    return bytes;
}

Result<AgeHeader> AgeHeader::parse(std::string_view text) {
    auto rest = text;
    if (!rest.starts_with(version_line)) return bad("the first line names no version we know");
    rest.remove_prefix(version_line.size());
    AgeHeader header;
    while (!rest.starts_with("---")) {
        PD_TRY(auto line, take_line(rest));
        if (!line.starts_with("-> ")) return bad("a recipient line does not start with \"-> \"");
        line.remove_prefix(3);
        AgeStanza stanza;
        PD_TRY(stanza.words, words_of(line));
        PD_TRY(stanza.body, take_body(rest));
        header.stanzas.push_back(std::move(stanza));
    }
    if (header.stanzas.empty()) return bad("nobody can open it");
    header.covered = std::string(text.substr(0, text.size() - rest.size() + 3));
    PD_TRY(auto const last, take_line(rest));
    if (!last.starts_with("--- ")) return bad("the last line holds no MAC");
    auto const mac = from_base64_bare(last.substr(4));
    if (!mac || mac->size() != crypto::Secret32::size) return bad("the MAC is none");
    if (!rest.empty()) return bad("something follows its last line");
    std::ranges::copy(*mac, header.mac.span().begin());
    return header;
}

crypto::Secret32 age_header_mac(AgeFileKey const& key, std::string_view covered) {
    crypto::HmacKey const mac(crypto::hkdf(key.view(), {}, as_bytes("header")));
    return mac.derive({as_bytes(covered)});
}

std::string age_header_text(std::vector<AgeStanza> const& stanzas, AgeFileKey const& key) {
    std::string text(version_line);
    for (auto const& stanza : stanzas) {
        text += "->";
        for (auto const& word : stanza.words) text += " " + word;
        text += '\n';
        auto const body = to_base64_bare(stanza.body);
        for (std::size_t at = 0; at <= body.size(); at += columns) {
            text += body.substr(at, columns) + "\n";
        }
    }
    text += "---";
    auto const mac = age_header_mac(key, text);
    return text + " " + to_base64_bare(mac.view()) + "\n";
}

}  // namespace perdure::format
