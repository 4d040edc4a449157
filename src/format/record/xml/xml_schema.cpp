#include "format/record/xml/xml_writer.h"

namespace perdure::format {

namespace {

// A literal per part: compilers cap the length of one.
constexpr std::string_view schema =
    R"(<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:p="urn:perdure:export:1"
  targetNamespace="urn:perdure:export:1" elementFormDefault="qualified">
<xs:element name="export"><xs:complexType><xs:sequence>
  <xs:element name="about" type="p:about"/>
  <xs:element name="schema" minOccurs="0"><xs:complexType><xs:sequence>
    <xs:any namespace="http://www.w3.org/2001/XMLSchema" processContents="skip"/>
  </xs:sequence></xs:complexType></xs:element>
  <xs:element name="types" type="p:types"/>
  <xs:element name="records"><xs:complexType><xs:sequence>
    <xs:element name="record" type="p:record" minOccurs="0" maxOccurs="unbounded"/>
  </xs:sequence></xs:complexType></xs:element>
</xs:sequence><xs:attribute name="version" type="xs:string" use="required"/>
</xs:complexType></xs:element>
<xs:complexType name="about"><xs:sequence>
  <xs:element name="program" type="p:text"/>
  <xs:element name="title" type="p:text"/>
  <xs:element name="source" type="p:text"/>
  <xs:element name="snapshot" type="p:text" minOccurs="0"/>
  <xs:element name="as-of" type="p:text"/>
  <xs:element name="filter" type="p:text" minOccurs="0" maxOccurs="unbounded"/>
</xs:sequence></xs:complexType>
<xs:complexType name="text"><xs:simpleContent><xs:extension base="xs:string">
  <xs:attribute name="encoding" type="p:encoding"/>
</xs:extension></xs:simpleContent></xs:complexType>
<xs:simpleType name="encoding"><xs:restriction base="xs:string">
  <xs:enumeration value="base64"/>
</xs:restriction></xs:simpleType>
<xs:complexType name="types"><xs:sequence>
  <xs:element name="type" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:sequence>
    <xs:element name="column" minOccurs="0" maxOccurs="unbounded"><xs:complexType>
      <xs:attributeGroup ref="p:name"/>
      <xs:attribute name="declared" type="xs:string"/>
      <xs:attribute name="declared-base64" type="xs:base64Binary"/>
      <xs:attribute name="key" type="xs:boolean"/>
    </xs:complexType></xs:element>
    <xs:element name="role" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:simpleContent>
      <xs:extension base="p:text"><xs:attributeGroup ref="p:name"/></xs:extension>
    </xs:simpleContent></xs:complexType></xs:element>
  </xs:sequence><xs:attributeGroup ref="p:name"/></xs:complexType></xs:element>
</xs:sequence></xs:complexType>
<xs:attributeGroup name="name">
  <xs:attribute name="name" type="xs:string"/>
  <xs:attribute name="name-base64" type="xs:base64Binary"/>
</xs:attributeGroup>
)"
    R"(<xs:complexType name="record"><xs:sequence>
  <xs:element name="field" type="p:field" minOccurs="0" maxOccurs="unbounded"/>
  <xs:element name="role" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:simpleContent>
    <xs:extension base="p:text">
      <xs:attribute name="name" type="xs:string" use="required"/>
    </xs:extension>
  </xs:simpleContent></xs:complexType></xs:element>
  <xs:element name="embedding" minOccurs="0"><xs:complexType><xs:simpleContent>
    <xs:extension base="xs:base64Binary">
      <xs:attribute name="model" type="xs:string"/>
      <xs:attribute name="model-base64" type="xs:base64Binary"/>
      <xs:attribute name="dtype" type="xs:string"/>
      <xs:attribute name="dtype-base64" type="xs:base64Binary"/>
    </xs:extension>
  </xs:simpleContent></xs:complexType></xs:element>
  <xs:element name="tag" type="p:text" minOccurs="0" maxOccurs="unbounded"/>
  <xs:element name="media" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:simpleContent>
    <xs:extension base="p:text">
      <xs:attribute name="size" type="xs:nonNegativeInteger"/>
      <xs:attribute name="missing" type="xs:boolean"/>
    </xs:extension>
  </xs:simpleContent></xs:complexType></xs:element>
  <xs:element name="media-data" type="p:media-data" minOccurs="0" maxOccurs="unbounded"/>
</xs:sequence>
<xs:attribute name="type" type="xs:string"/>
<xs:attribute name="type-base64" type="xs:base64Binary"/>
<xs:attribute name="id" type="xs:string"/>
<xs:attribute name="id-base64" type="xs:base64Binary"/>
</xs:complexType>
<xs:complexType name="media-data"><xs:sequence>
  <xs:element name="base64" type="xs:base64Binary"/>
  <xs:element name="bytes" type="xs:nonNegativeInteger"/>
  <xs:element name="sha256" type="xs:hexBinary"/>
</xs:sequence>
<xs:attribute name="path" type="xs:string"/>
<xs:attribute name="path-base64" type="xs:base64Binary"/>
<xs:attribute name="name" type="xs:string"/>
<xs:attribute name="name-base64" type="xs:base64Binary"/>
<xs:attribute name="media-type" type="xs:string"/>
<xs:attribute name="media-type-base64" type="xs:base64Binary"/>
</xs:complexType>
<xs:complexType name="field"><xs:simpleContent><xs:extension base="xs:string">
  <xs:attributeGroup ref="p:name"/>
  <xs:attribute name="type" default="text"><xs:simpleType><xs:restriction base="xs:string">
    <xs:enumeration value="null"/><xs:enumeration value="integer"/>
    <xs:enumeration value="double"/><xs:enumeration value="text"/><xs:enumeration value="bytes"/>
  </xs:restriction></xs:simpleType></xs:attribute>
  <xs:attribute name="encoding" type="p:encoding"/>
  <xs:attribute name="bits" type="xs:hexBinary"/>
</xs:extension></xs:simpleContent></xs:complexType>
</xs:schema>
)";

}  // namespace

std::string_view xml_schema() {
    return schema;
}

}  // namespace perdure::format
