/** The sections of a message by their descriptors (AMQP 1.0, section 3.2). */
export const HEADER = 0x70
export const MESSAGE_ANNOTATIONS = 0x72
export const PROPERTY_LIST = 0x73
export const APPLICATION_PROPERTIES = 0x74
export const DATA = 0x75
export const SEQUENCE = 0x76
export const VALUE = 0x77
