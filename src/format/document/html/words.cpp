#include "format/document/html/words.h"

#include <utf8proc.h>

#include <array>
#include <string>

#include "base/ascii.h"
#include "format/document/code_points.h"

namespace perdure::format {

namespace {

constexpr std::size_t word_characters_max = 24;

enum class Sign { none, word, paired };

/// Scripts without blanks between words; assets/search.js has the same list.
bool without_blanks(char32_t c) {
    return (c >= 0x0e00 && c <= 0x0eff) || (c >= 0x1000 && c <= 0x109f) ||
           (c >= 0x1780 && c <= 0x17ff) || (c >= 0x3040 && c <= 0x30ff) ||
           (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x4e00 && c <= 0x9fff) ||
           (c >= 0xf900 && c <= 0xfaff) || (c >= 0x20000 && c <= 0x3ffff);
}

Sign sign_of(utf8proc_int32_t c) {
    switch (utf8proc_category(c)) {
        case UTF8PROC_CATEGORY_LU:
        case UTF8PROC_CATEGORY_LL:
        case UTF8PROC_CATEGORY_LT:
        case UTF8PROC_CATEGORY_LM:
        case UTF8PROC_CATEGORY_LO:
        case UTF8PROC_CATEGORY_ND:
        case UTF8PROC_CATEGORY_NL:
        case UTF8PROC_CATEGORY_NO:
            return without_blanks(static_cast<char32_t>(c)) ? Sign::paired : Sign::word;
        case UTF8PROC_CATEGORY_SO:
            return c >= 0x2600 ? Sign::paired : Sign::none;
        default:
            return Sign::none;
    }
}

bool is_mark(utf8proc_int32_t c) {
    auto const category = utf8proc_category(c);
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC ||
           category == UTF8PROC_CATEGORY_ME;
}

std::string_view encode(utf8proc_int32_t c, std::array<utf8proc_uint8_t, 4>& room) {
    auto const length = utf8proc_encode_char(c, room.data());
    return {reinterpret_cast<char const*>(room.data()), static_cast<std::size_t>(length)};
}

class Words {
public:
    explicit Words(std::function<void(std::string_view)> const& take) : take_(take) {}

    void ascii(char c) {
        c = ascii_lower(c);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            end_pair();
            letter({&c, 1});
        } else {
            end();
        }
    }
    void sign(utf8proc_int32_t c) {
        std::array<utf8proc_int32_t, 32> parts{};
        int last_class = 0;
        auto const count = utf8proc_decompose_char(
            c, parts.data(), parts.size(),
            static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT), &last_class);
        if (count < 0 || count > static_cast<utf8proc_ssize_t>(parts.size())) return end();
        for (utf8proc_ssize_t i = 0; i < count; ++i) part(parts[static_cast<std::size_t>(i)]);
    }
    void end() {
        end_word();
        end_pair();
    }

private:
    void part(utf8proc_int32_t c) {
        if (c < 0x80) return ascii(static_cast<char>(c));
        if (is_mark(c)) return;
        c = utf8proc_tolower(c);
        if (c == 0x03c2) c = 0x03c3;  // a final sigma is a sigma
        std::array<utf8proc_uint8_t, 4> room{};
        switch (sign_of(c)) {
            case Sign::none:
                return end();
            case Sign::paired:
                end_word();
                return pair(encode(c, room));
            case Sign::word:
                end_pair();
                if (c == 0xdf) {
                    letter("s");
                    return letter("s");
                }
                return letter(encode(c, room));
        }
    }
    void letter(std::string_view sign) {
        if (++characters_ <= word_characters_max) word_ += sign;
    }
    void pair(std::string_view sign) {
        if (!previous_.empty()) take_(previous_ + std::string(sign));
        previous_ = sign;
    }
    void end_word() {
        if (!word_.empty()) take_(word_);
        word_.clear();
        characters_ = 0;
    }
    void end_pair() {
        if (!previous_.empty()) take_(previous_);
        previous_.clear();
    }

    std::function<void(std::string_view)> const& take_;
    std::string word_, previous_;
    std::size_t characters_ = 0;
};

}  // namespace

void for_each_word(std::string_view text, std::function<void(std::string_view word)> const& take) {
    Words words(take);
    while (!text.empty()) {
        auto const c = static_cast<unsigned char>(text[0]);
        if (c < 0x80) {
            words.ascii(static_cast<char>(c));
            text.remove_prefix(1);
        } else {
            words.sign(static_cast<utf8proc_int32_t>(take_code_point(text)));
        }
    }
    words.end();
}

}  // namespace perdure::format
