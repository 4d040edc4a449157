#include "format/document/body/links.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"

namespace perdure::format {

namespace {

bool hexadecimal(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

void encode(std::string& out, char c) {
    out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
}

/// Signs of RFC 3986 stay; an existing %XX stays; anything else becomes one.
void encode_rest(std::string& out, std::string_view text) {
    bool fragment = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char const c = text[i];
        bool const escape =
            c == '%' && i + 2 < text.size() && hexadecimal(text[i + 1]) && hexadecimal(text[i + 2]);
        bool const kept = is_ascii_alphanumeric(c) || escape ||
                          std::string_view("-._~!$&'()*+,;=:@/?").contains(c) ||
                          (c == '#' && !fragment);
        if (c == '#') fragment = true;
        if (kept) {
            out += c;
        } else {
            encode(out, c);
        }
    }
}

bool good_host(std::string_view authority) {
    auto const colon = authority.find(':');
    auto const host = authority.substr(0, colon);
    auto const port = colon == authority.npos ? std::string_view() : authority.substr(colon + 1);
    if (host.empty() || host.size() > 253 || port.size() > 4 || host.front() == '.' ||
        host.front() == '-' || host.find("..") != host.npos) {
        return false;
    }
    bool const digits = std::ranges::all_of(port, is_ascii_digit);
    bool const last_number =
        std::ranges::all_of(host, [](char c) { return is_ascii_digit(c) || c == '.'; });
    // Numbers alone are an address; only the usual form with four parts is taken.
    if (last_number && (std::ranges::count(host, '.') != 3 || host.size() > 15)) return false;
    return digits && std::ranges::all_of(host, [](char c) {
               return is_ascii_alphanumeric(c) || c == '.' || c == '-' || c == '_' ||
                      static_cast<unsigned char>(c) >= 0x80;
           });
}

Link outside_link(std::string const& scheme, std::string_view rest) {
    Link link;
    std::string address = scheme + ":";
    if (scheme == "http" || scheme == "https") {
        if (!rest.starts_with("//")) return link;
        rest.remove_prefix(2);
        auto const authority = rest.substr(0, rest.find_first_of("/?#"));
        if (!good_host(authority)) return link;
        address += "//";
        address += authority;
        rest.remove_prefix(authority.size());
    } else if (rest.empty() || rest.find_first_of("/\\<>\"") != rest.npos) {
        return link;
    }
    encode_rest(address, rest);
    link.kind = LinkKind::outside;
    link.address = std::move(address);
    return link;
}

}  // namespace

Link read_link(std::string_view raw) {
    std::string address;
    for (char const c : raw) {
        if (c != '\t' && c != '\n' && c != '\r') address += c;
    }
    auto const outer = [](char c) { return static_cast<unsigned char>(c) <= 0x20; };
    while (!address.empty() && outer(address.back())) address.pop_back();
    address.erase(
        0, static_cast<std::size_t>(std::ranges::find_if_not(address, outer) - address.begin()));
    if (address.empty() || address.size() > 4096) return {};
    if (address[0] == '#') return {LinkKind::fragment, address};
    auto const end = address.find_first_of(":/?#\\");
    if (end == address.npos || address[end] != ':') {
        // "//host" would take over the scheme of the page: file://
        if (address.starts_with("//") || address.find('\\') != address.npos) return {};
        return {LinkKind::local, address};
    }
    auto const scheme = ascii_lower(address.substr(0, end));
    for (auto const known : {"http", "https", "mailto", "tel"}) {
        if (scheme == known) return outside_link(scheme, std::string_view(address).substr(end + 1));
    }
    return {};
}

std::string decoded_path(std::string_view address) {
    address = address.substr(0, address.find_first_of("?#"));
    while (address.starts_with("./") || address.starts_with("../") || address.starts_with('/')) {
        address.remove_prefix(address.find('/') + 1);
    }
    auto const digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
    std::string path;
    for (std::size_t i = 0; i < address.size(); ++i) {
        bool const escape = address[i] == '%' && i + 2 < address.size() &&
                            hexadecimal(address[i + 1]) && hexadecimal(address[i + 2]);
        path += escape ? static_cast<char>(digit(address[i + 1]) * 16 + digit(address[i + 2]))
                       : address[i];
        if (escape) i += 2;
    }
    return path;
}

std::string url_path(std::string_view path) {
    std::string out;
    for (char const c : path) {
        if (is_ascii_alphanumeric(c) || std::string_view("-._~/").contains(c)) {
            out += c;
        } else {
            encode(out, c);
        }
    }
    return out;
}

}  // namespace perdure::format
