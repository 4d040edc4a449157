// A recovery phrase is read from paper and typed by a worried person. So: an alphabet without
// I L O U (Crockford's base32), short groups, and in each group a check character that depends on
// the group's place, so that the program can name the group to look at again.
#include <fmt/core.h>

#include "crypto/hash.h"
#include "repository/keyring/keyring.h"
#include "repository/keyring/phrase.h"

namespace perdure::repository {

namespace {

constexpr std::string_view alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t groups = 8;
constexpr std::size_t group_characters = 4;  // 20 bits, followed by the check character
constexpr std::size_t phrase_bytes = groups * group_characters * 5 / 8;

/// The value of a character as people write it, or -1.
int value_of(char character) {
    if (character >= 'a' && character <= 'z') character = static_cast<char>(character - 'a' + 'A');
    if (character == 'O') character = '0';
    if (character == 'I' || character == 'L') character = '1';
    auto const at = alphabet.find(character);
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

char check_character(std::size_t group, std::string_view characters) {
    std::array<std::byte, 1> const number{std::byte{static_cast<std::uint8_t>(group)}};
    crypto::Sha256 hash;
    hash.update(as_bytes("perdure1/phrase"));
    hash.update(number);
    hash.update(as_bytes(characters));
    return alphabet[static_cast<std::size_t>(hash.finish().bytes[0]) & 31];
}

bool separates(char character) {
    return character == '-' || character == ' ' || character == '\n' || character == '\r' ||
           character == '\t';
}

bool is_right_group(std::size_t group, std::string_view typed) {
    if (typed.size() != group_characters + 1) return false;
    std::string characters;
    for (char const character : typed) {
        int const value = value_of(character);
        if (value < 0) return false;
        characters += alphabet[static_cast<std::size_t>(value)];
    }
    auto const checked = std::string_view(characters).substr(0, group_characters);
    return check_character(group, checked) == characters.back();
}

Error wrong_group(std::size_t group) {
    return fail(Fault::invalid, fmt::format("group {} of the recovery phrase is wrong", group + 1))
        .with_code(12)
        .with_fix("compare that group with the paper: eight groups of five characters");
}

}  // namespace

std::string make_recovery_phrase(system::Random& random) {
    crypto::Secret<phrase_bytes> bits;
    random.fill(bits.span());
    std::string phrase;
    std::size_t bit = 0;
    for (std::size_t group = 0; group < groups; ++group) {
        std::string characters;
        for (std::size_t i = 0; i < group_characters; ++i) {
            unsigned value = 0;
            for (int n = 0; n < 5; ++n, ++bit) {
                auto const byte = std::to_integer<unsigned>(bits.view()[bit / 8]);
                value = value << 1 | (byte >> (7 - bit % 8) & 1);
            }
            characters += alphabet[value];
        }
        if (group > 0) phrase += '-';
        phrase += characters + check_character(group, characters);
    }
    return phrase;
}

TypedPhrase look_at_phrase(std::string_view text) {
    TypedPhrase look;
    std::size_t group = 0;
    while (true) {
        while (!text.empty() && separates(text.front())) text.remove_prefix(1);
        if (text.empty()) break;
        std::size_t end = 0;
        while (end < text.size() && !separates(text[end])) ++end;
        if (group == groups) return {};
        bool const right = is_right_group(group++, text.substr(0, end));
        if (right) ++look.right;
        if (!right && look.first_wrong == 0) look.first_wrong = group;
        text.remove_prefix(end);
    }
    return group == groups ? look : TypedPhrase{};
}

Result<crypto::SecretBytes> parse_recovery_phrase(std::string_view text) {
    std::string characters;
    for (char const character : text) {
        if (separates(character)) continue;
        int const value = value_of(character);
        auto const group = characters.size() / (group_characters + 1);
        if (value < 0) return wrong_group(std::min(group, groups - 1));
        characters += alphabet[static_cast<std::size_t>(value)];
    }
    if (characters.size() != groups * (group_characters + 1)) {
        return fail(Fault::invalid, "a recovery phrase has eight groups of five characters")
            .with_code(12);
    }
    Bytes bits(phrase_bytes);
    std::size_t bit = 0;
    for (std::size_t group = 0; group < groups; ++group) {
        auto const part = std::string_view(characters)
                              .substr(group * (group_characters + 1), group_characters + 1);
        if (check_character(group, part.substr(0, group_characters)) != part.back()) {
            return wrong_group(group);
        }
        for (char const character : part.substr(0, group_characters)) {
            auto const value = static_cast<unsigned>(value_of(character));
            for (int n = 4; n >= 0; --n, ++bit) {
                bits[bit / 8] |=
                    std::byte{static_cast<std::uint8_t>((value >> n & 1) << (7 - bit % 8))};
            }
        }
    }
    return crypto::SecretBytes(std::move(bits));
}

}  // namespace perdure::repository
