#include "media/worker/tags.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exiv2/exiv2.hpp>

#include "base/utf8.h"
#include "media/worker/container.h"

namespace perdure::media::worker {

namespace {

/// Text as files hold it: UTF-8, or else Latin-1 from before.
std::string clean_text(std::string text) {
    while (!text.empty() && (text.back() == '\0' || text.back() == ' ' || text.back() == '\n')) {
        text.pop_back();
    }
    if (is_utf8(text)) return text;
    std::string out;
    for (unsigned char const byte : text) append_utf8(out, byte);
    return out;
}

template <typename Data, typename Key>
std::string text_of(Data const& data, char const* key) {
    auto const found = data.findKey(Key(key));
    return found == data.end() ? std::string() : clean_text(found->toString());
}

/// "2026:03:01 09:30:00", with an offset if there is one → an instant.
std::optional<Timestamp> exif_time(std::string text, std::string const& offset) {
    if (text.size() < 19) return std::nullopt;
    text.resize(19);
    text[4] = text[7] = '-';
    text[10] = 'T';
    bool const has_offset = offset.size() == 6 && (offset[0] == '+' || offset[0] == '-');
    auto const time = parse_time(text + (has_offset ? offset : "Z"));
    if (!time) return std::nullopt;
    return *time;
}

std::optional<Timestamp> loose_time(std::string const& text) {
    for (auto const& form : {text, text + "Z", text + ":00Z"}) {
        if (auto const time = parse_time(form)) return *time;
    }
    return std::nullopt;
}

/// What cameras write into every picture says nothing about one.
std::string caption_or_nothing(std::string text) {
    constexpr std::array defaults = {"OLYMPUS DIGITAL CAMERA",
                                     "SONY DSC",
                                     "DCIM",
                                     "SAMSUNG",
                                     "KODAK Digital Still Camera",
                                     "MINOLTA DIGITAL CAMERA",
                                     "Exif_JPEG_PICTURE",
                                     "x-default"};
    for (auto const* one : defaults) {
        if (text.starts_with(one)) return {};
    }
    if (std::ranges::all_of(text, [](char c) { return c == ' ' || c == '\0'; })) return {};
    return text;
}

bool tells_place(Exiv2::Exifdatum const& datum) {
    auto const group = datum.groupName();
    if (group == "GPSInfo") return datum.tag() != 0;  // 0 is the version of the standard
    auto const name = datum.tagName();
    // Places that cameras look up themselves.
    return group == "Panasonic" && (name.find("City") != name.npos || name == "Country" ||
                                    name == "State" || name == "Landmark" || name == "Location");
}

bool tells_place(Exiv2::Xmpdatum const& datum) {
    constexpr std::array words = {"GPS",  "Location",      "City",        "Country",
                                  "City", "ProvinceState", "Sublocation", "photoshop.State"};
    auto const key = datum.key();
    return std::ranges::any_of(words, [&](char const* word) { return key.find(word) != key.npos; });
}

bool tells_place(Exiv2::Iptcdatum const& datum) {
    if (datum.record() != 2) return false;
    constexpr std::array<unsigned, 7> tags = {26, 27, 90, 92, 95, 100, 101};
    return std::ranges::find(tags, datum.tag()) != tags.end();
}

template <typename Data>
bool any_place(Data const& data) {
    return std::ranges::any_of(data, [](auto const& datum) { return tells_place(datum); });
}

template <typename Data>
void drop_places(Data& data) {
    for (auto at = data.begin(); at != data.end();) {
        at = tells_place(*at) ? data.erase(at) : std::next(at);
    }
}

void drop_exif_places(Exiv2::ExifData& data) {
    for (auto at = data.begin(); at != data.end();) {
        bool const gps = at->groupName() == "GPSInfo" || at->key() == "Exif.Image.GPSTag";
        at = gps || tells_place(*at) ? data.erase(at) : std::next(at);
    }
}

Tags from_exif(Exiv2::ExifData const& exif) {
    using Key = Exiv2::ExifKey;
    auto const text = [&](char const* key) { return text_of<Exiv2::ExifData, Key>(exif, key); };
    Tags tags;
    tags.any = !exif.empty();
    tags.taken =
        exif_time(text("Exif.Photo.DateTimeOriginal"), text("Exif.Photo.OffsetTimeOriginal"));
    if (!tags.taken) {
        tags.taken =
            exif_time(text("Exif.Photo.DateTimeDigitized"), text("Exif.Photo.OffsetTimeDigitized"));
    }
    tags.caption = caption_or_nothing(text("Exif.Image.ImageDescription"));
    tags.located = any_place(exif);
    auto const turn = exif.findKey(Key("Exif.Image.Orientation"));
    tags.turned =
        turn != exif.end() && turn->count() > 0 && turn->toLong() >= 5 && turn->toLong() <= 8;
    return tags;
}

Tags from_xmp(Exiv2::XmpData const& xmp) {
    Tags tags;
    tags.any = !xmp.empty();
    auto const caption = xmp.findKey(Exiv2::XmpKey("Xmp.dc.description"));
    if (caption != xmp.end() && caption->count() > 0) {
        tags.caption = caption_or_nothing(clean_text(caption->toString(0)));
        // A language alternative is printed with its language in front.
        if (tags.caption.starts_with("lang=\"")) {
            tags.caption.erase(0, std::min(tags.caption.find(' '), tags.caption.size() - 1) + 1);
        }
    }
    for (auto const* key :
         {"Xmp.exif.DateTimeOriginal", "Xmp.photoshop.DateCreated", "Xmp.xmp.CreateDate"}) {
        auto const found = xmp.findKey(Exiv2::XmpKey(key));
        if (found != xmp.end() && !tags.taken) tags.taken = loose_time(found->toString());
    }
    tags.located = any_place(xmp);
    return tags;
}

Tags from_iptc(Exiv2::IptcData const& iptc) {
    Tags tags;
    tags.any = !iptc.empty();
    tags.caption = text_of<Exiv2::IptcData, Exiv2::IptcKey>(iptc, "Iptc.Application2.Caption");
    tags.located = any_place(iptc);
    return tags;
}

/// exiv2 throws on what it cannot read, and prints; neither leaves this file.
template <typename Work>
bool attempt(Work work) {
    Exiv2::LogMsg::setLevel(Exiv2::LogMsg::mute);
    try {
        work();
        return true;
    } catch (std::exception const&) {
        return false;
    }
}

Exiv2::byte const* raw(ByteView bytes) {
    return reinterpret_cast<Exiv2::byte const*>(bytes.data());
}

ByteView without_exif_mark(ByteView exif) {
    return as_text(exif).starts_with(std::string_view("Exif\0\0", 6)) ? exif.subspan(6) : exif;
}

}  // namespace

Tags joined(Tags first, Tags const& second) {
    if (!first.taken) first.taken = second.taken;
    if (first.caption.empty()) first.caption = second.caption;
    first.located = first.located || second.located;
    first.any = first.any || second.any;
    first.turned = first.turned || second.turned;
    if (first.width == 0) first.width = second.width, first.height = second.height;
    return first;
}

Tags read_tags(ByteView file) {
    Tags tags;
    attempt([&] {
        Exiv2::enableBMFF(true);
        auto image = Exiv2::ImageFactory::open(raw(file), static_cast<long>(file.size()));
        image->readMetadata();
        Tags size;
        size.width = static_cast<unsigned>(std::max(image->pixelWidth(), 0));
        size.height = static_cast<unsigned>(std::max(image->pixelHeight(), 0));
        tags = joined(size, from_xmp(image->xmpData()));
        tags = joined(tags, from_iptc(image->iptcData()));
        tags = joined(tags, from_exif(image->exifData()));
        tags.any = tags.any || !image->comment().empty();
    });
    return tags;
}

Tags read_tags(ByteView exif, ByteView xmp) {
    Tags tags;
    attempt([&] {
        Exiv2::XmpData data;
        std::string const text(as_text(xmp));
        if (!text.empty() && Exiv2::XmpParser::decode(data, text) == 0) tags = from_xmp(data);
    });
    attempt([&] {
        Exiv2::ExifData data;
        auto const tiff = without_exif_mark(exif);
        if (tiff.empty()) return;
        Exiv2::ExifParser::decode(data, raw(tiff), static_cast<std::uint32_t>(tiff.size()));
        tags = joined(tags, from_exif(data));
    });
    return tags;
}

Bytes strip_exif(ByteView exif, Strip strip) {
    Bytes out;
    attempt([&] {
        Exiv2::ExifData data;
        auto const tiff = without_exif_mark(exif);
        if (tiff.empty()) return;
        auto const order =
            Exiv2::ExifParser::decode(data, raw(tiff), static_cast<std::uint32_t>(tiff.size()));
        if (strip == Strip::everything) {
            Exiv2::ExifData kept;
            auto const turn = data.findKey(Exiv2::ExifKey("Exif.Image.Orientation"));
            if (turn != data.end()) kept.add(*turn);
            data = kept;
        } else {
            drop_exif_places(data);
        }
        Exiv2::Blob blob;
        Exiv2::ExifParser::encode(blob, order, data);
        out = to_bytes(std::as_bytes(std::span(blob)));
    });
    return out;
}

Bytes strip_xmp(ByteView xmp, Strip strip) {
    std::string out;
    if (strip == Strip::everything) return {};
    attempt([&] {
        Exiv2::XmpData data;
        if (Exiv2::XmpParser::decode(data, std::string(as_text(xmp))) != 0) return;
        drop_places(data);
        std::string packet;
        if (!data.empty() && Exiv2::XmpParser::encode(packet, data) == 0) out = packet;
    });
    return to_bytes(out);
}

Result<Bytes> strip_tags(ByteView file, std::string_view media_type, Strip strip) {
    if (media_type == "image/png") return strip_png(file, strip);
    constexpr std::array known = {"image/jpeg", "image/webp", "image/tiff"};
    if (std::ranges::find(known, media_type) == known.end()) {
        return fail(Fault::unsupported,
                    fmt::format("metadata of {} cannot be taken out", media_type));
    }
    Bytes out;
    bool const rewritten = attempt([&] {
        auto image = Exiv2::ImageFactory::open(raw(file), static_cast<long>(file.size()));
        image->readMetadata();
        if (strip == Strip::everything) {
            auto const turn = image->exifData().findKey(Exiv2::ExifKey("Exif.Image.Orientation"));
            Exiv2::ExifData kept;
            if (turn != image->exifData().end()) kept.add(*turn);
            // A TIFF keeps its picture in the same structure: exiv2 retains those tags itself.
            image->setExifData(kept);
            image->clearXmpData();
            image->clearIptcData();
            image->clearComment();
        } else {
            drop_exif_places(image->exifData());
            drop_places(image->xmpData());
            drop_places(image->iptcData());
        }
        image->clearXmpPacket();
        image->writeXmpFromPacket(false);
        image->writeMetadata();
        auto& io = image->io();
        io.open();
        out.resize(static_cast<std::size_t>(io.size()));
        io.seek(0, Exiv2::BasicIo::beg);
        io.read(reinterpret_cast<Exiv2::byte*>(out.data()), static_cast<long>(out.size()));
    });
    if (!rewritten || out.empty()) {
        return fail(Fault::corrupt, "its metadata cannot be rewritten");
    }
    if (media_type == "image/jpeg") return strip_jpeg_rest(out, strip);
    return out;
}

}  // namespace perdure::media::worker
