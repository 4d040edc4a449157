#include "job/export/media_room.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"

namespace perdure::job {

namespace {

bool same_extension(std::string_view a, std::string_view b) {
    auto const plain = [](std::string_view extension) {
        std::string const out = ascii_lower(extension);
        return out == "jpeg" ? "jpg" : out == "tif" ? "tiff" : out;
    };
    return plain(a) == plain(b);
}

/// The file's own name; with the extension that fits its bytes, where it has none or was converted.
std::string name_of(std::string const& path, media::Outcome const& outcome) {
    system::Path name = system::Path(path).filename();
    auto const had = name.extension().string();
    bool const fits = outcome.facts.extension.empty() ||
                      (had.size() > 1 && (outcome.original ||
                                          same_extension(had.substr(1), outcome.facts.extension)));
    if (!fits) {
        if (!outcome.original) name.replace_extension();
        name += "." + outcome.facts.extension;
    }
    return name.string();
}

class Room : public MediaRoom {
public:
    Room(MediaRequest const& request, data::RecordReader& reader)
        : request_(request), reader_(reader) {}

    data::Record const* prepare(data::Record const* record) override {
        if (request_.carry || record->media.empty()) return record;
        without_ = *record;
        without_.media.clear();
        return &without_;
    }

    Result<format::MediaFile> open(data::MediaRef const& media, std::stop_token stop) override {
        if (!media.present) return fail(Fault::not_found, media.path + " is missing");
        auto converted = workshop_.convert(reader_.open_media(media.path), request_.wanted, stop);
        if (!converted && converted.error().fault() == Fault::exhausted) {
            // Past a limit of one medium: no reason to end the export, as a full disk would be.
            return fail(Fault::unsupported, converted.error().message());
        }
        if (!converted) return Error(std::move(converted).error());
        auto outcome = std::move(*converted);
        format::MediaFile file;
        file.name = name_of(media.path, outcome);
        file.media_type = outcome.facts.media_type;
        // Of large originals only the front was looked at.
        bool const told = outcome.facts.size_bytes > 0 || !outcome.original;
        file.size_bytes = told ? outcome.facts.size_bytes : media.size;
        file.width = outcome.facts.width;
        file.height = outcome.facts.height;
        file.taken = outcome.facts.taken;
        file.description = outcome.facts.caption;
        file.content = std::move(outcome.content);
        file.original = outcome.original;
        return file;
    }

    Result<format::Preview> preview(data::MediaRef const& media, unsigned edge_pixels,
                                    std::stop_token stop) override {
        if (!media.present) return fail(Fault::not_found, media.path + " is missing");
        auto const content = reader_.open_media(media.path);
        PD_TRY(auto made, workshop_.preview(*content, edge_pixels, stop));
        return format::Preview{.bytes = std::move(made.bytes),
                               .media_type = std::move(made.media_type),
                               .width = made.width,
                               .height = made.height};
    }

private:
    MediaRequest request_;
    data::RecordReader& reader_;
    media::Workshop workshop_;
    data::Record without_;
};

}  // namespace

std::unique_ptr<MediaRoom> open_media_room(MediaRequest const& request,
                                           data::RecordReader& reader) {
    return std::make_unique<Room>(request, reader);
}

std::vector<std::string> media_words(MediaRequest const& request) {
    using media::PictureFormat;
    if (!request.carry) return {"without media"};
    std::vector<std::string> words;
    auto const& wanted = request.wanted;
    if (wanted.picture != PictureFormat::same) {
        words.push_back(fmt::format("pictures as {}", wanted.picture == PictureFormat::jpeg ? "jpeg"
                                                      : wanted.picture == PictureFormat::webp
                                                          ? "webp"
                                                          : "avif"));
    }
    if (wanted.sound != media::SoundFormat::same) {
        words.push_back(fmt::format("sounds as {}", wanted.sound == media::SoundFormat::mp3 ? "mp3"
                                                    : wanted.sound == media::SoundFormat::opus
                                                        ? "opus"
                                                        : "m4a"));
    }
    if (wanted.film != media::FilmFormat::same) {
        words.push_back(
            fmt::format("films as {}", wanted.film == media::FilmFormat::mp4 ? "mp4" : "webm"));
    }
    if (wanted.quality != media::Wanted{}.quality) {
        words.push_back(fmt::format("pictures of quality {}", wanted.quality));
    }
    if (wanted.edge_max > 0) {
        words.push_back(fmt::format("pictures of at most {} pixels", wanted.edge_max));
    }
    if (wanted.strip == media::Strip::location) {
        words.emplace_back("media without their location");
    }
    return words;
}

}  // namespace perdure::job
