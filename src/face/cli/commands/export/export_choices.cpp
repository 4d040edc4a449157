#include "face/cli/commands/export/export_choices.h"

#include <fmt/format.h>

#include <algorithm>

#include "face/cli/commands/handlers.h"
#include "service/config/units.h"

namespace perdure::face {
namespace {

constexpr std::uint64_t key_file_bytes_max = 1 << 20;

Error wrong(std::string const& option, std::string const& why, std::string fix) {
    return fail(Fault::invalid, fmt::format("{}: {}", option, why))
        .with_code(2)
        .with_fix(std::move(fix));
}

/// The choice that an option makes among words; the first, where it is not given.
template <typename Choice>
Result<Choice> choice_of(Arguments const& arguments, std::string const& option,
                         std::vector<std::pair<std::string, Choice>> const& choices) {
    auto const word = arguments.value(option, choices.front().first);
    auto const found = std::ranges::find(choices, word, &std::pair<std::string, Choice>::first);
    if (found != choices.end()) return found->second;
    std::vector<std::string> known;
    for (auto const& [name, choice] : choices) known.push_back(name);
    return wrong(option, fmt::format("\"{}\" is none of its words", word),
                 "take one of: " + joined(known));
}

/// A recipient, or a file of recipients, one a line.
Result<void> add_recipients(format::AgeSeal& seal, std::string const& value) {
    std::string const option = "--encrypt-to";
    if (value.starts_with("age1")) {
        auto key = format::parse_age_recipient(value);
        if (!key) return wrong(option, key.error().message(), "age-keygen -y KEYFILE prints it");
        seal.recipients.push_back(*key);
        return {};
    }
    auto const text = system::read_file(value, key_file_bytes_max);
    if (!text) {
        return wrong(option,
                     fmt::format("\"{}\" is neither a recipient (age1…) nor a file that can be "
                                 "read",
                                 value),
                     "age-keygen -o key.txt makes a key and prints its recipient");
    }
    std::size_t number = 0;
    auto const before = seal.recipients.size();
    for (auto line : service::split_words(as_text(*text), '\n')) {
        ++number;
        while (line.ends_with('\r') || line.ends_with(' ')) line.pop_back();
        if (line.empty() || line.starts_with('#')) continue;
        auto key = format::parse_age_recipient(line);
        if (!key) {
            return wrong(option,
                         fmt::format("{}, line {}: {}", value, number, key.error().message()),
                         "one recipient a line: age1…");
        }
        seal.recipients.push_back(*key);
    }
    if (seal.recipients.size() > before) return {};
    return wrong(option, value + " names nobody", "one recipient a line: age1…");
}

Result<std::uint64_t> part_bytes_of(Arguments const& arguments) {
    auto const text = arguments.value("--split-size");
    if (text.empty()) return std::uint64_t{0};
    auto const bytes = service::parse_size(text);
    if (!bytes) return wrong("--split-size", bytes.error().message(), "such as 100MB, 4GiB");
    if (*bytes < job::part_bytes_min) {
        return wrong("--split-size", fmt::format("parts of {} are too small", text),
                     "take 64KiB or more");
    }
    return *bytes;
}

}  // namespace

Result<std::map<std::string, std::string>> format_options(Arguments const& arguments) {
    std::map<std::string, std::string> options;
    for (auto const* name : {"dialect", "theme", "paper", "layout"}) {
        auto const value = arguments.value(std::string("--") + name);
        if (!value.empty()) options[name] = value;
    }
    for (auto const* name : {"embed-media", "xmp-sidecars"}) {
        if (arguments.has(std::string("--") + name)) options[name] = "yes";
    }
    for (auto const& pair : arguments.values("--option")) {
        auto const sign = pair.find('=');
        if (sign == std::string::npos || sign == 0) {
            return wrong("--option", fmt::format("\"{}\" is no NAME=VALUE", pair),
                         "such as --option theme=dark");
        }
        options[pair.substr(0, sign)] = pair.substr(sign + 1);
    }
    return options;
}

Result<job::MediaRequest> media_of(Arguments const& arguments) {
    using media::FilmFormat;
    using media::PictureFormat;
    using media::SoundFormat;
    job::MediaRequest request{.carry = !arguments.has("--no-media")};
    auto& wanted = request.wanted;
    PD_TRY(wanted.picture, choice_of<PictureFormat>(arguments, "--media",
                                                    {{"original", PictureFormat::same},
                                                     {"jpeg", PictureFormat::jpeg},
                                                     {"webp", PictureFormat::webp},
                                                     {"avif", PictureFormat::avif}}));
    PD_TRY(wanted.sound, choice_of<SoundFormat>(arguments, "--audio",
                                                {{"original", SoundFormat::same},
                                                 {"mp3", SoundFormat::mp3},
                                                 {"opus", SoundFormat::opus},
                                                 {"m4a", SoundFormat::m4a}}));
    PD_TRY(wanted.film, choice_of<FilmFormat>(arguments, "--video",
                                              {{"original", FilmFormat::same},
                                               {"mp4", FilmFormat::mp4},
                                               {"webm", FilmFormat::webm}}));
    wanted.edge_max = static_cast<unsigned>(
        std::min<std::uint64_t>(arguments.number("--media-max", 0), 1'000'000));
    auto const quality = arguments.number("--media-quality", wanted.quality);
    if (quality < 1 || quality > 100) {
        return wrong("--media-quality", fmt::format("{} is no quality", quality), "take 1 … 100");
    }
    wanted.quality = static_cast<unsigned>(quality);
    if (arguments.has("--strip-location")) wanted.strip = media::Strip::location;
    return request;
}

Result<job::Parcel> parcel_of(Arguments const& arguments) {
    job::Parcel parcel;
    PD_TRY(parcel.part_bytes, part_bytes_of(arguments));
    for (auto const& value : arguments.values("--encrypt-to")) {
        PD_CHECK(add_recipients(parcel.seal, value));
    }
    auto const file = arguments.value("--encrypt-passphrase-file");
    if (file.empty()) return parcel;
    if (!parcel.seal.recipients.empty()) {
        return wrong("--encrypt-passphrase-file", "age takes recipients or a passphrase, not both",
                     "leave one of them out");
    }
    PD_TRY(auto const text, system::read_file(file, key_file_bytes_max));
    auto word = as_text(text);
    // As the program age reads its own: the line, without its end.
    word = word.substr(0, word.find('\n'));
    if (word.ends_with('\r')) word.remove_suffix(1);
    if (word.empty()) {
        return wrong("--encrypt-passphrase-file", file + " begins with an empty line",
                     "write the passphrase into its first line");
    }
    parcel.seal.passphrase = crypto::SecretBytes(to_bytes(word));
    return parcel;
}

bool names_a_file(std::string const& option, std::string const& value) {
    return option == "--encrypt-passphrase-file" ||
           (option == "--encrypt-to" && !value.starts_with("age1"));
}

}  // namespace perdure::face
