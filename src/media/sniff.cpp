#include "media/sniff.h"

#include <algorithm>
#include <iterator>

namespace perdure::media {

namespace {

constexpr FileType unknown{"application/octet-stream", "", Kind::other};

/// Bytes at a fixed place. The first row that fits wins.
struct Magic {
    std::size_t offset;
    std::string_view bytes;
    FileType type;
};

using namespace std::string_view_literals;

constexpr Magic magics[] = {
    {0, "\xff\xd8\xff"sv, {"image/jpeg", "jpg", Kind::picture}},
    {0, "\x89PNG\r\n\x1a\n"sv, {"image/png", "png", Kind::picture}},
    {0, "GIF87a"sv, {"image/gif", "gif", Kind::picture}},
    {0, "GIF89a"sv, {"image/gif", "gif", Kind::picture}},
    {8, "WEBP"sv, {"image/webp", "webp", Kind::picture}},
    {8, "WAVE"sv, {"audio/wav", "wav", Kind::sound}},
    {8, "AVI "sv, {"video/x-msvideo", "avi", Kind::film}},
    {0, "BM"sv, {"image/bmp", "bmp", Kind::picture}},
    {8, "CR\x02\0"sv, {"image/x-canon-cr2", "cr2", Kind::picture}},
    {0, "II*\0"sv, {"image/tiff", "tif", Kind::picture}},
    {0, "MM\0*"sv, {"image/tiff", "tif", Kind::picture}},
    {0, "IIRO"sv, {"image/x-olympus-orf", "orf", Kind::picture}},
    {0, "IIU\0"sv, {"image/x-panasonic-rw2", "rw2", Kind::picture}},
    {0, "FUJIFILMCCD-RAW"sv, {"image/x-fuji-raf", "raf", Kind::picture}},
    {0, "8BPS"sv, {"image/vnd.adobe.photoshop", "psd", Kind::picture}},
    {0, "\0\0\0\x0cjP  \r\n\x87\n"sv, {"image/jp2", "jp2", Kind::picture}},
    {0, "\0\0\0\x0cJXL \r\n\x87\n"sv, {"image/jxl", "jxl", Kind::picture}},
    {0, "\xff\x0a"sv, {"image/jxl", "jxl", Kind::picture}},
    {0, "\x1a\x45\xdf\xa3"sv, {"video/x-matroska", "mkv", Kind::film}},
    {0, "FLV\x01"sv, {"video/x-flv", "flv", Kind::film}},
    {0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11"sv, {"video/x-ms-asf", "wmv", Kind::film}},
    {0, "\0\0\x01\xba"sv, {"video/mpeg", "mpg", Kind::film}},
    {0, "ID3"sv, {"audio/mpeg", "mp3", Kind::sound}},
    {0, "\xff\xfb"sv, {"audio/mpeg", "mp3", Kind::sound}},
    {0, "\xff\xfa"sv, {"audio/mpeg", "mp3", Kind::sound}},
    {0, "\xff\xf3"sv, {"audio/mpeg", "mp3", Kind::sound}},
    {0, "\xff\xf1"sv, {"audio/aac", "aac", Kind::sound}},
    {0, "\xff\xf9"sv, {"audio/aac", "aac", Kind::sound}},
    {0, "fLaC"sv, {"audio/flac", "flac", Kind::sound}},
    {28, "OpusHead"sv, {"audio/ogg", "opus", Kind::sound}},
    {28, "\x80theora"sv, {"video/ogg", "ogv", Kind::film}},
    {0, "OggS"sv, {"audio/ogg", "ogg", Kind::sound}},
    {8, "AIFF"sv, {"audio/aiff", "aiff", Kind::sound}},
    {8, "AIFC"sv, {"audio/aiff", "aiff", Kind::sound}},
    {0, "MAC "sv, {"audio/x-ape", "ape", Kind::sound}},
    {0, "wvpk"sv, {"audio/x-wavpack", "wv", Kind::sound}},
    {0, "DSD "sv, {"audio/x-dsf", "dsf", Kind::sound}},
    {0, "MThd"sv, {"audio/midi", "mid", Kind::sound}},
    {0, "#!AMR"sv, {"audio/amr", "amr", Kind::sound}},
    {0, "%PDF-"sv, {"application/pdf", "pdf", Kind::document}},
    {0, "{\\rtf"sv, {"application/rtf", "rtf", Kind::document}},
};

/// Major brands of ISO base media files (ISO/IEC 14496-12), at byte 8 after "ftyp".
constexpr struct {
    std::string_view brand;
    FileType type;
} brands[] = {
    {"avif", {"image/avif", "avif", Kind::picture}},
    {"avis", {"image/avif", "avif", Kind::picture}},
    {"heic", {"image/heic", "heic", Kind::picture}},
    {"heix", {"image/heic", "heic", Kind::picture}},
    {"hevc", {"image/heic", "heic", Kind::picture}},
    {"mif1", {"image/heif", "heif", Kind::picture}},
    {"msf1", {"image/heif", "heif", Kind::picture}},
    {"crx ", {"image/x-canon-cr3", "cr3", Kind::picture}},
    {"M4A ", {"audio/mp4", "m4a", Kind::sound}},
    {"M4B ", {"audio/mp4", "m4b", Kind::sound}},
    {"qt  ", {"video/quicktime", "mov", Kind::film}},
    {"3gp4", {"video/3gpp", "3gp", Kind::film}},
    {"3gp5", {"video/3gpp", "3gp", Kind::film}},
};

/// What only a look further in tells.
constexpr FileType others[] = {
    {"video/mp4", "mp4", Kind::film},        {"video/webm", "webm", Kind::film},
    {"image/svg+xml", "svg", Kind::picture}, {"audio/ogg", "opus", Kind::sound},
    {"video/quicktime", "mov", Kind::film},
};

bool has_at(std::string_view text, std::size_t offset, std::string_view bytes) {
    return text.size() >= offset + bytes.size() && text.substr(offset, bytes.size()) == bytes;
}

bool is_svg(std::string_view text) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    auto const first = text.find_first_not_of(" \t\r\n");
    if (first == text.npos || text[first] != '<') return false;
    return text.find("<svg") != text.npos;
}

FileType iso_media(std::string_view text) {
    for (auto const& row : brands) {
        if (has_at(text, 8, row.brand)) return row.type;
    }
    return others[0];
}

}  // namespace

FileType sniff(ByteView front) {
    auto const text = as_text(front);
    if (has_at(text, 4, "ftyp")) return iso_media(text);
    if (has_at(text, 4, "moov") || has_at(text, 4, "mdat") || has_at(text, 4, "wide")) {
        return others[4];
    }
    for (auto const& magic : magics) {
        if (!has_at(text, magic.offset, magic.bytes)) continue;
        if (magic.type.extension == "mkv" && text.find("webm") != text.npos) return others[1];
        return magic.type;
    }
    if (is_svg(text)) return others[2];
    return unknown;
}

FileType const* find_type(std::string_view media_type) {
    for (auto const& magic : magics) {
        if (magic.type.media_type == media_type) return &magic.type;
    }
    for (auto const& row : brands) {
        if (row.type.media_type == media_type) return &row.type;
    }
    for (auto const& type : others) {
        if (type.media_type == media_type) return &type;
    }
    return nullptr;
}

}  // namespace perdure::media
